"""Evaluation on held-out seeds: players, protocol, statistics, picture."""
