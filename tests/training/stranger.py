"""A program that loads an exported policy and cannot import this project."""

LOADS_THE_EXPORT = """
import sys, json
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("training", "envs", "rewards", "callbacks"):
            raise ImportError(name + " is not installed")
sys.meta_path.insert(0, Refuse())
import numpy as np
from stable_baselines3 import PPO
model = PPO.load(sys.argv[1], device="cpu")
"""
"""The beginning of a program for ``python -c``: ``model`` is the policy exported to its first argument."""
