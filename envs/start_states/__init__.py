"""Saved states that episodes begin from: files, cache, playing to one by hand."""
