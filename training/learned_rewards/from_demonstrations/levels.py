"""Which noise level pays, and which energy counts as 0: the state of NEAR that follows the agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.learned_rewards.interface import Scores

LEAST_SPREAD = 1e-6


class Levels:
    """Rebases energies over the last ``rollouts`` rollouts, and raises the level as they improve.

    The level is ``fixed``, or begins at 0 and is raised, up to ``last``, once the mean energy of a rollout is
    ``rise`` deviations above that of the level's first rollout. Energies are often negative, so the rise is a
    difference; the factor of the published program would be passed at once.
    """

    def __init__(self, fixed: int | None, last: int, rise: float, rollouts: int) -> None:
        self._fixed, self._last, self._rise, self._rollouts = fixed, last, rise, rollouts
        self.level = 0 if fixed is None else fixed
        """The level that pays now."""
        self._first: list[float] = []  # mean and deviation of the level's first rollout
        self._latest: list[list[float]] = []  # the same of the last rollouts

    def rebased(self, energies: Scores) -> Scores:
        """Return energies of a rollout, (n,), less the mean of the last rollouts, in their deviations.

        The first rollout of a level has none before it and is rebased by itself.
        """
        latest = self._latest or [_moments(energies)]
        mean = float(np.mean([moments[0] for moments in latest]))
        spread = float(np.mean([moments[1] for moments in latest]))
        return ((energies - mean) / max(spread, LEAST_SPREAD)).astype(np.float32)

    def take_in(self, energies: Scores) -> None:
        """Take in the energies of a rollout, (n,), and raise the level if they have improved enough."""
        moments = _moments(energies)
        self._first = self._first or moments
        self._latest = [*self._latest, moments][-self._rollouts :]
        needed = self._first[0] + self._rise * max(self._first[1], LEAST_SPREAD)
        if self._fixed is None and self.level < self._last and moments[0] >= needed:
            self.level, self._first, self._latest = self.level + 1, [], []

    def state(self) -> dict[str, Any]:
        """Return the level and the moments of rollouts."""
        latest = [list(moments) for moments in self._latest]
        return {"level": self.level, "first": list(self._first), "latest": latest}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        level = int(state["level"])
        if not 0 <= level <= self._last or (self._fixed is not None and level != self._fixed):
            raise ValueError(f"noise level {level} does not fit the config")
        first, *latest = ([float(value) for value in one] for one in (state["first"], *state["latest"]))
        if len(first) not in (0, 2) or any(len(one) != 2 for one in latest):
            raise ValueError("the energies of rollouts must be means and deviations")
        self.level, self._first, self._latest = level, first, latest


def _moments(energies: Scores) -> list[float]:
    return [float(energies.mean(dtype=np.float64)), float(energies.std(dtype=np.float64))]
