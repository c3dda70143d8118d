"""Environments on the machines of a Ray cluster: actors, their pool, messages."""
