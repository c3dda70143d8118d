"""Command lines: parsing flags, one line for a mistake, tables of text."""
