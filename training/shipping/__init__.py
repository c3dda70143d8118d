"""Shipping a trained policy: its portable config, weights, evaluation, provenance and model card."""
