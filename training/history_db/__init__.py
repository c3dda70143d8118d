"""The database of runs: facts, curves, queries, synchronisation."""
