"""Judges a run over moving windows: bounds, rules, series, report."""
