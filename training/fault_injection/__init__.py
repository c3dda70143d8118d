"""Breaks a run on purpose and checks what must hold."""
