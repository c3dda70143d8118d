"""Database of runs: facts, curves, queries, synchronisation."""
