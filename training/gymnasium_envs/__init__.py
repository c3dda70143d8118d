"""The environments of ``gymnasium.make`` and ``gymnasium.make_vec``."""
