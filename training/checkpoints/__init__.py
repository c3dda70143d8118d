"""Writes, reads and applies checkpoints, without pickle."""
