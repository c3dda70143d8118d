"""Fault injection: breaks a run on purpose and checks the result."""
