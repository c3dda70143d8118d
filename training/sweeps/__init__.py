"""Families of runs: variants over seeds, compared; and the search for better settings."""
