"""Demonstrations: sets of recorded episodes, their samples, and cloning a policy from them."""
