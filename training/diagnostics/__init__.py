"""What doctor.py and diagnose.py check."""
