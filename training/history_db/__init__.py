"""The history of runs: an SQLite database that the training process fills and the page reads."""
