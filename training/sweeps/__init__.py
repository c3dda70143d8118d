"""Variants over seeds and searches: trials, jobs here and on a cluster, comparison."""
