"""Adapts the learning rate to the KL divergence and the clip fraction of updates."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from callbacks.adaptive_rate import direction, moved
from callbacks.health.bounds import CLIP_BAD, CLIP_LOW, RATE_PAUSE
from callbacks.health.series import MetricSeries

MAX_CHANGES = 50  # latest changes kept for the report


class LearningRateControl:
    """A factor on the learning rate that keeps updates near a KL divergence of ``target``.

    ``by_kl``: lower the rate when the KL divergence is above twice the target, raise it below half of it.
    ``by_clip``: lower the rate when the clip fraction is bad, raise it when it is low and the KL divergence
    is not above the target. Lowering takes precedence. The rate stays between ``low`` and ``high``.
    """

    def __init__(self, target: float, low: float, high: float, by_kl: bool, by_clip: bool) -> None:
        self.target, self.low, self.high = target, low, high
        self.by_kl, self.by_clip = by_kl, by_clip
        self.factor = 1.0
        self.changes: deque[str] = deque(maxlen=MAX_CHANGES)
        self._updates = 0

    def steer(self, kl: MetricSeries, clip: MetricSeries, rate: float, steps: int) -> str | None:
        """Take in one update made with learning rate ``rate``. Returns a line when the factor changes."""
        self._updates += 1
        if rate <= 0 or self._updates < RATE_PAUSE or min(kl.count, clip.count) < RATE_PAUSE:
            return None
        found = self._direction(kl.mean(RATE_PAUSE), clip.mean(RATE_PAUSE))
        if found is None:
            return None
        up, why = found
        wanted = moved(rate, 1 if up else -1, self.low, self.high)
        if wanted == rate:
            return None  # already at or beyond a bound
        self.factor *= wanted / rate
        self._updates = 0
        line = f"health at step {steps:,}: {why}: learning_rate {rate:.3g} -> {wanted:.3g}"
        self.changes.append(line)
        return line

    def _direction(self, kl: float, clip: float) -> tuple[bool, str] | None:
        wanted = direction(kl, self.target) if self.by_kl else 0
        if wanted < 0:
            return False, f"approx_kl {kl:.3g} is above twice its target {self.target:g}"
        if self.by_clip and clip > CLIP_BAD:
            return False, f"clip_fraction {clip:.3g} is above {CLIP_BAD}"
        if wanted > 0:
            return True, f"approx_kl {kl:.3g} is below half of its target {self.target:g}"
        if self.by_clip and clip < CLIP_LOW and kl <= self.target:
            return True, f"clip_fraction {clip:.3g} is below {CLIP_LOW}"
        return None

    def snapshot(self) -> dict[str, Any]:
        """Return the factor, the pause and the changes, as JSON values."""
        return {"factor": self.factor, "updates": self._updates, "changes": list(self.changes)}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``."""
        self.factor, self._updates = float(snapshot["factor"]), int(snapshot["updates"])
        self.changes = deque(snapshot["changes"], maxlen=MAX_CHANGES)
