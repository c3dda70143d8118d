"""Networks of rewards from demonstrations, and random numbers for torch that do not touch the global ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn


def layers(sizes: Sequence[int], activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Return linear layers between ``sizes``, with an activation after all but the last."""
    made: list[nn.Module] = []
    for width, following in pairwise(sizes):
        made += [nn.Linear(width, following), activation()]
    return nn.Sequential(*made[:-1])


def seeded(seed: int, make: Callable[[], nn.Module]) -> nn.Module:
    """Return the module that ``make`` builds from a seed, with the global random numbers as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def generator_of(state: Mapping[str, Any]) -> np.random.Generator:
    """Return the random generator with the state of a checkpoint. Raises as NumPy does if it does not fit."""
    bits = np.random.PCG64()
    bits.state = copy.deepcopy(state)  # type: ignore[assignment]
    return np.random.Generator(bits)
