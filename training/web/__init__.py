"""Web pages of the run history."""
