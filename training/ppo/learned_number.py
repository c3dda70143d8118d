"""A number that is learned within bounds by its gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from training.config.discounts import Learned

BETAS, EPS = (0.9, 0.999), 1e-8
"""Adam's (arXiv:1412.6980)."""
FURTHEST = 30.0
"""Largest absolute logit: beyond it the number is at its bound."""


class LearnedNumber:
    """A number within the bounds of ``setting``, moved by Adam in the logit of its place between them."""

    def __init__(self, setting: Learned) -> None:
        self.setting = setting
        place = (setting.start - setting.low) / (setting.high - setting.low)
        self._logit = math.log(place / (1 - place))
        self._moments, self._steps = (0.0, 0.0), 0

    @property
    def value(self) -> float:
        """The number."""
        low, high = self.setting.low, self.setting.high
        return min(max(low + (high - low) * self._place(), low), high)

    def descend(self, gradient: float) -> None:
        """Take a step against ``gradient``, the derivative of a loss by the number. NaN changes nothing."""
        place = self._place()
        slope = gradient * (self.setting.high - self.setting.low) * place * (1 - place)
        if not math.isfinite(slope):
            return
        self._steps += 1
        (first, second), (mean, square) = BETAS, self._moments
        mean, square = first * mean + (1 - first) * slope, second * square + (1 - second) * slope**2
        self._moments = mean, square
        unbiased = mean / (1 - first**self._steps), square / (1 - second**self._steps)
        logit = self._logit - self.setting.rate * unbiased[0] / (math.sqrt(unbiased[1]) + EPS)
        self._logit = min(max(logit, -FURTHEST), FURTHEST)

    def snapshot(self) -> dict[str, Any]:
        """Return the state, as JSON values."""
        return {"logit": self._logit, "moments": list(self._moments), "steps": self._steps}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError, TypeError or ValueError when it is damaged."""
        mean, square = (float(moment) for moment in snapshot["moments"])
        logit, steps = float(snapshot["logit"]), int(snapshot["steps"])
        if not math.isfinite(mean) or not 0 <= square < math.inf or steps < 0 or not abs(logit) <= FURTHEST:
            raise ValueError("the state of a learned number is damaged")
        self._logit, self._moments, self._steps = logit, (mean, square), steps

    def _place(self) -> float:
        return 1 / (1 + math.exp(-self._logit))
