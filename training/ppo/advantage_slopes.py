"""Advantages as a function of gamma and lambda, and their derivatives. All arrays are float64.

Generalized advantage estimation (arXiv:1506.02438) is a discounted sum of x_t = r_t + gamma v_t+1 - v_t with
the factor gamma lambda, which ends where an episode does. So its derivatives are such sums too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.ppo.rollout_buffer import ReusedRolloutBuffer

Array = NDArray[np.float64]


class AdvantageSlopes:
    """Advantages of a rollout for one ``gamma`` and ``gae_lambda``, (steps, environments).

    The value that follows a time limit is part of the reward, so how it depends on gamma is not seen.
    """

    def __init__(self, buffer: ReusedRolloutBuffer, gamma: float, gae_lambda: float) -> None:
        self.gamma, self.gae_lambda = gamma, gae_lambda
        self._goes_on = 1.0 - np.concatenate([buffer.episode_starts[1:], buffer.ended[None]]).astype(
            np.float64
        )
        following = np.concatenate([buffer.values[1:], buffer.values_after[None]]).astype(np.float64)
        self._next_values = following * self._goes_on
        self.advantages = self._summed(buffer.rewards + gamma * self._next_values - buffer.values)
        """The advantages, not normalized."""
        later = np.concatenate([self.advantages[1:], np.zeros_like(self.advantages[:1])])
        self._later = later * self._goes_on

    def by(self, name: str) -> Array:
        """Derivatives of the advantages, and so of the returns, by "gamma" or "gae_lambda"."""
        if name == "gamma":
            return self._summed(self._next_values + self.gae_lambda * self._later)
        return self._summed(self.gamma * self._later)

    def _summed(self, terms: Array) -> Array:
        sums, last = np.empty_like(terms), np.zeros_like(terms[0])
        for step in reversed(range(len(terms))):
            last = terms[step] + self.gamma * self.gae_lambda * self._goes_on[step] * last
            sums[step] = last
        return sums


def normalized(values: Array) -> Array:
    """``values`` (n,), with mean 0 and standard deviation 1."""
    away: Array = values - values.mean()
    return away / float(values.std(ddof=1) + 1e-8)


def normalized_slope(values: Array, slopes: Array) -> Array:
    """The derivative of ``normalized(values)`` where the values change by ``slopes``; all (n,)."""
    away: Array = values - values.mean()
    turned: Array = slopes - slopes.mean()
    deviation = float(values.std(ddof=1)) + 1e-8
    change = float(away @ turned) / (len(values) - 1) / deviation
    return turned / deviation - away * (change / deviation**2)
