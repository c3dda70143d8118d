"""Command-line tools: parsing flags, one-line errors, text tables."""
