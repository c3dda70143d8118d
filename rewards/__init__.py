"""Reward terms in three layers: functions of two GameStates."""
