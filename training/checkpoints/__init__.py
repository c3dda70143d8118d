"""Writing, reading and applying checkpoints; nothing is ever unpickled."""
