"""Speed and memory, measured in turns beside bare emulators and stable-baselines3."""
