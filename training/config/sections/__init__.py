"""Sections of a config: settings that belong together under one key."""
