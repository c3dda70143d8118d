"""Recorded episodes: file format, recorder, statistics."""
