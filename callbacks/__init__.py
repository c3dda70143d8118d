"""Callbacks, one file per concern: each is a stable-baselines3 BaseCallback."""
