"""Stopwatches for rollouts, run by the model and read by the Performance callback."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Stopwatch:
    """Adds up the wall time of calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time(
        self, call: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Return ``call(*args, **kwargs)`` and add its time, even when it raises."""
        start = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class RolloutTimes:
    """Stopwatches of a model's rollouts, which are never reset.

    ``inference``: the policy chooses actions, estimates values, or is prepared for it. ``waiting``: the
    training process sends actions to the environments and waits for their steps.
    """

    inference: Stopwatch = field(default_factory=Stopwatch)
    waiting: Stopwatch = field(default_factory=Stopwatch)
