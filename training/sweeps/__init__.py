"""Sweeps over variants and seeds, and hyperparameter searches."""
