"""The game as a Gymnasium environment, and many of them side by side."""
