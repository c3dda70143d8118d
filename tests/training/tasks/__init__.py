"""Tests of training.tasks."""
