"""The game as a Gymnasium environment."""
