"""One file per concern, each a stable-baselines3 BaseCallback that reads info and the logger."""
