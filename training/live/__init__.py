"""Live play: a trained policy plays, can be paused and slowed, and a person can take over."""
