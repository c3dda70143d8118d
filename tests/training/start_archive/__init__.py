"""Tests of the start archive."""
