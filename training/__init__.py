"""The programs a person runs, and what they share."""
