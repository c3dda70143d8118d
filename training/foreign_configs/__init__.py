"""Configs of other projects, translated into settings of ours."""
