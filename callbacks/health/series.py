"""Values of one metric over a run in constant memory: the latest ones, and a thinned history."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from callbacks.health.bounds import TREND, WINDOW

THINNED = 64
"""Number of points at which a thinned history is halved."""


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean of at least one value."""
    return math.fsum(values) / len(values)


class Thinned:
    """A whole run as fewer than THINNED points, each the mean of equally many successive values.

    When THINNED is reached, neighbours are merged in pairs, and each new point covers twice as many values.
    """

    def __init__(self) -> None:
        self.points: list[float] = []
        self._each = 1
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> None:
        """Add one value."""
        self._sum += value
        self._count += 1
        if self._count < self._each:
            return
        self.points.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self.points) == THINNED:
            self.points = [(a + b) / 2 for a, b in zip(self.points[::2], self.points[1::2], strict=True)]
            self._each *= 2

    def quarters(self) -> list[list[float]] | None:
        """Return the points in four parts of equal length, oldest first; None below eight points."""
        size = len(self.points) // 4
        if size < 2:
            return None
        first = len(self.points) - 4 * size
        return [self.points[first + part * size : first + (part + 1) * size] for part in range(4)]

    def snapshot(self) -> dict[str, Any]:
        """Return the complete state, as JSON values."""
        return {
            "points": list(self.points),
            "each": self._each,
            "sum": self._sum,
            "count": self._count,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``."""
        self.points = [float(point) for point in snapshot["points"]]
        self._each, self._count = int(snapshot["each"]), int(snapshot["count"])
        self._sum = float(snapshot["sum"])


class MetricSeries:
    """Finite values of one metric, one for each update."""

    def __init__(self) -> None:
        self.count = 0
        self.recent: deque[float] = deque(maxlen=TREND)
        self.thinned = Thinned()
        self.highest = -math.inf
        """The highest median of WINDOW successive values so far."""

    def add(self, value: float) -> None:
        """Add one value; it must be finite."""
        self.count += 1
        self.recent.append(value)
        self.thinned.add(value)
        if self.count >= WINDOW:
            self.highest = max(self.highest, self.median())

    def last(self, number: int = WINDOW) -> list[float]:
        """Return the last ``number`` values, or all when there are fewer."""
        return list(self.recent)[-number:]

    def mean(self, number: int = WINDOW) -> float:
        """Return the mean of the last ``number`` values; there must be at least one."""
        return mean(self.last(number))

    def median(self, number: int = WINDOW) -> float:
        """Return the median of the last ``number`` values; there must be at least one."""
        return median(self.last(number))

    def halves(self) -> tuple[list[float], list[float]]:
        """Return the last TREND values (or fewer) in two parts of equal length: older and newer."""
        half = len(self.recent) // 2
        values = list(self.recent)[-2 * half :] if half else []
        return values[:half], values[half:]

    def snapshot(self) -> dict[str, Any]:
        """Return the complete state, as JSON values."""
        return {
            "count": self.count,
            "recent": list(self.recent),
            "thinned": self.thinned.snapshot(),
            "highest": self.highest if math.isfinite(self.highest) else None,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``."""
        self.count = int(snapshot["count"])
        self.recent = deque((float(value) for value in snapshot["recent"]), maxlen=TREND)
        self.thinned.restore(snapshot["thinned"])
        highest = snapshot["highest"]
        self.highest = -math.inf if highest is None else float(highest)
