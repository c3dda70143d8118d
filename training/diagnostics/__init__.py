"""Checks of doctor.py and diagnose.py."""
