"""Tasks of a checkout without make: set-up, demo, tests, lint, watching."""
