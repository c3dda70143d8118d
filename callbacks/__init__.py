"""What is measured and steered while a run learns: one file per concern, each a stable-baselines3 callback.

They read what arrives in ``info`` and in the logger, and know nothing of the game.
"""
