"""Health of a run, judged over moving windows: bounds, rules, series, report."""
