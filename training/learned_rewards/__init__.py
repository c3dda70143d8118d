"""Learned rewards, such as counts and RND: they act on a rollout just before its advantages."""
