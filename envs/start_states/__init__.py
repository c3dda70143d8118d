"""Saved states that episodes begin from: files, cache, manual play."""
