"""Where a rollout's time goes: counted by the model that collects it, read by the Performance callback."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Stopwatch:
    """Adds up the wall time of the calls that it makes."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time(
        self, call: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Return ``call(*args, **kwargs)``; its time counts also when it raises."""
        start = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class RolloutTimes:
    """Stopwatches of a model's rollouts; they only count up.

    ``inference``: the policy chooses actions or estimates values, or is prepared for it. ``waiting``: the
    training process sends actions to environments and stands still until they have made their steps.
    """

    inference: Stopwatch = field(default_factory=Stopwatch)
    waiting: Stopwatch = field(default_factory=Stopwatch)
