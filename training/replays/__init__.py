"""Recorded episodes played again, listed, filmed, pruned."""
