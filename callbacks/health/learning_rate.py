"""Steering the learning rate by the KL divergence and the clip fraction of updates."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from callbacks.health.bounds import CLIP_BAD, CLIP_LOW, RATE_PAUSE, RATE_STEP
from callbacks.health.series import MetricSeries

MAX_CHANGES = 50  # lines about changes, kept for the report


class LearningRateControl:
    """A factor on the learning rate, which keeps updates near a KL divergence of ``target``.

    ``by_kl``: down while the KL divergence is above twice the target, up below half of it. ``by_clip``: down
    while the clip fraction is bad, up while it is low and the KL divergence not above the target. Down wins.
    A change never takes the rate beyond ``low`` or ``high``.
    """

    def __init__(self, target: float, low: float, high: float, by_kl: bool, by_clip: bool) -> None:
        self.target, self.low, self.high = target, low, high
        self.by_kl, self.by_clip = by_kl, by_clip
        self.factor = 1.0
        self.changes: deque[str] = deque(maxlen=MAX_CHANGES)
        self._updates = 0

    def steer(self, kl: MetricSeries, clip: MetricSeries, rate: float, steps: int) -> str | None:
        """Look at the updates so far, the last made with a learning rate of ``rate``; a change's line."""
        self._updates += 1
        if self._updates < RATE_PAUSE or min(kl.count, clip.count) < RATE_PAUSE:
            return None
        found = self._direction(kl.mean(RATE_PAUSE), clip.mean(RATE_PAUSE))
        if found is None:
            return None
        up, why = found
        wanted = min(max(rate * RATE_STEP if up else rate / RATE_STEP, self.low), self.high)
        if wanted == rate or (wanted > rate) != up:
            return None  # at a bound, or beyond it already
        self.factor *= wanted / rate
        self._updates = 0
        line = f"health at step {steps:,}: {why}: learning_rate {rate:.3g} -> {wanted:.3g}"
        self.changes.append(line)
        return line

    def _direction(self, kl: float, clip: float) -> tuple[bool, str] | None:
        if self.by_kl and kl > 2 * self.target:
            return False, f"approx_kl {kl:.3g} is above twice its target {self.target:g}"
        if self.by_clip and clip > CLIP_BAD:
            return False, f"clip_fraction {clip:.3g} is above {CLIP_BAD}"
        if self.by_kl and kl < self.target / 2:
            return True, f"approx_kl {kl:.3g} is below half of its target {self.target:g}"
        if self.by_clip and clip < CLIP_LOW and kl <= self.target:
            return True, f"clip_fraction {clip:.3g} is below {CLIP_LOW}"
        return None

    def snapshot(self) -> dict[str, Any]:
        """The factor and the pause, as JSON values."""
        return {"factor": self.factor, "updates": self._updates, "changes": list(self.changes)}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from what ``snapshot`` gave."""
        self.factor, self._updates = float(snapshot["factor"]), int(snapshot["updates"])
        self.changes = deque(snapshot["changes"], maxlen=MAX_CHANGES)
