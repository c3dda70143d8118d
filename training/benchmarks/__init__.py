"""Benchmarks of speed and memory against bare emulators and stable-baselines3."""
