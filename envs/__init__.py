"""The game as a Gymnasium environment. Importing the package imports nothing heavy."""
