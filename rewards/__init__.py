"""Rewards in layers: pure functions of two moments of the game and the memory of the episode."""
