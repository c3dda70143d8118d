"""Advantages of a learned reward that has a value head of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ValuedSteps:
    """Scores, values and flags of a rollout, (n_steps, n_envs); ``last_values`` are (n_envs,).

    ``ends``: whether returns end with a step. ``valid``: see Rollout.
    """

    scores: Numbers
    values: Numbers
    last_values: Numbers
    ends: NDArray[np.bool_]
    valid: NDArray[np.bool_]


def advantages(steps: ValuedSteps, gamma: float, gae_lambda: float) -> Numbers:
    """Return generalized advantage estimates (Schulman et al. 2016), float32 (n_steps, n_envs).

    They do not reach across invalid rows, which get 0. Before such a row, the value that its action was
    chosen with is the last one.
    """
    found = np.zeros_like(steps.values)
    ahead = np.zeros(len(steps.last_values), np.float64)
    following = steps.last_values.astype(np.float64)
    for row in reversed(range(len(found))):
        factor = np.where(steps.ends[row], 0.0, gamma)
        error = steps.scores[row] + factor * following - steps.values[row]
        ahead = np.where(steps.valid[row], error + factor * gae_lambda * ahead, 0.0)
        following = steps.values[row].astype(np.float64)
        found[row] = ahead
    return found
