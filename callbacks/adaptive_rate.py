"""A learning rate that follows the KL divergence of updates. Imports neither torch nor stable-baselines3."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

RATE_STEP = 1.5
"""Factor of one change of the learning rate."""
MIN_RATE, MAX_RATE = 1e-6, 1e-2
"""Bounds of the learning rate, unless a config sets others."""
KL_THRESHOLD = 0.008
"""KL divergence to keep an update at, unless a config sets another: the value that rl_games' configs use."""

Per = Literal["update", "minibatch"]


def direction(kl: float, target: float) -> int:
    """Return where the learning rate should go: -1 above twice the target, 1 below half of it, 0 between."""
    return -1 if kl > 2 * target else int(kl < target / 2)


def moved(rate: float, direction: int, low: float, high: float) -> float:
    """Return ``rate`` divided or multiplied by RATE_STEP, within the bounds.

    It does not change when ``direction`` is 0, or when it is at or beyond the bound that it would move to.
    """
    if direction == 0:
        return rate
    wanted = min(max(rate * RATE_STEP if direction > 0 else rate / RATE_STEP, low), high)
    return wanted if (wanted > rate) == (direction > 0) else rate


class AdaptiveRate:
    """A learning rate between ``low`` and ``high`` that keeps the KL divergence near ``threshold``.

    It is divided by RATE_STEP when the KL divergence is above twice the threshold, and multiplied by it when
    the divergence is below half of the threshold: after every update (by the mean of its last epoch), or
    before the step of every minibatch but the first of an update, for which the divergence is always 0.
    """

    def __init__(self, rate: float, threshold: float, low: float, high: float, per: Per = "update") -> None:
        self.rate, self.threshold = rate, threshold
        self.low, self.high, self.per = low, high, per

    def follow(self, kl: float) -> float:
        """Take in one measured KL divergence. Returns the new rate; a NaN changes nothing."""
        if math.isfinite(kl):
            self.rate = moved(self.rate, direction(kl, self.threshold), self.low, self.high)
        return self.rate

    def snapshot(self) -> dict[str, float]:
        """Return the state, as JSON values."""
        return {"rate": self.rate}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError, TypeError or ValueError when it is damaged."""
        rate = float(snapshot["rate"])
        if not self.low <= rate <= self.high:
            raise ValueError(f"the learning rate {rate} is not within {self.low} and {self.high}")
        self.rate = rate
