"""The scale of a learned reward: the running deviation of its discounted returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.learned_rewards.running_moments import RunningMoments, fitting

LEAST_STD = 1e-8


class ReturnScale:
    """Divides rewards by the standard deviation of their forward-filtered returns.

    The filter is ``r + gamma * filter``, step by step in each environment, across rollouts and episodes
    (Burda et al. 2018, section 2.4, and the authors' program). Dividing by the deviation of the rewards
    themselves would make the returns as large as the discounting allows.
    """

    def __init__(self, n_envs: int, gamma: float) -> None:
        self._gamma = gamma
        self._filter: NDArray[np.float64] = np.zeros(n_envs)
        self._returns = RunningMoments((1,))

    @property
    def std(self) -> float:
        """The standard deviation of the returns so far."""
        return float(self._returns.std[0])

    def scaled(self, rewards: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Take in the rewards of a rollout, (n_steps, n_envs), and return them scaled.

        Steps that are not ``valid`` are left out.
        """
        filtered = np.zeros(rewards.shape)
        for step, row in enumerate(valid):
            self._filter = np.where(row, self._gamma * self._filter + rewards[step], self._filter)
            filtered[step] = self._filter
        self._returns.add(filtered[valid][:, np.newaxis])
        return (rewards / max(self.std, LEAST_STD)).astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Return the filter and the moments, as copies."""
        return {"filter": self._filter.copy(), "returns": self._returns.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        kept = fitting(state["filter"], self._filter, "filter")
        self._returns.restore(state["returns"])
        self._filter = kept
