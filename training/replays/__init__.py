"""Replaying, listing, filming and pruning recorded episodes."""
