"""Learned rewards for being like demonstrations: AMP and NEAR."""
