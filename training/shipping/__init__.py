"""Shipping a trained policy: its portable config, weights, evaluation and provenance."""
