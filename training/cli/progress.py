"""Progress with the time left, on stderr, of what takes more than a few seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

ItemT = TypeVar("ItemT")
DELAY = 3.0
"""Seconds after which a bar appears."""
EVERY = 60.0
"""Seconds between two lines where stderr is not a terminal."""
VARIABLE = "POKERED_PROGRESS_SECONDS"


class Progress:
    """A bar on a terminal, and a line every ``every`` seconds elsewhere, such as in a log.

    Args:
        what: What is done, such as "first plays".
        total: Number of steps, at most.
        unit: What is counted, such as "step".
        every: Seconds between two lines (default: those in POKERED_PROGRESS_SECONDS, or EVERY).
    """

    def __init__(self, what: str, total: int, unit: str, every: float | None = None) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._every = _given_seconds() if every is None else every
        self._done = self._from = 0
        self._began = self._spoke = time.monotonic()
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar = tqdm(desc=what, total=total, unit=unit, leave=False, delay=DELAY) if terminal else None

    def step(self) -> None:
        """Count one step."""
        self.reach(self._done + 1)

    def begin_at(self, done: int) -> None:
        """Say that ``done`` steps were done before, which took none of this time."""
        self._from = done
        self.reach(done)

    def reach(self, done: int) -> None:
        """Say that ``done`` steps are done by now."""
        more, self._done = done - self._done, done
        if self._bar is not None:
            self._bar.initial = self._from
            self._bar.update(more)
        elif (now := time.monotonic()) - self._spoke >= self._every:
            self._spoke = now
            print(self.line(now - self._began), file=sys.stderr, flush=True)

    def line(self, seconds: float) -> str:
        """Return the state after ``seconds``, such as ``first plays: 250 of 1,000 steps, 0:45 left``."""
        fresh = max(self._done - self._from, 1)
        left = tqdm.format_interval(seconds * max(self._total - self._done, 0) / fresh)
        return f"{self._what}: {self._done:,} of {self._total:,} {self._unit}s, {left} left"

    def clear(self) -> None:
        """Take the bar away until its next step, so that a line can be printed."""
        if self._bar is not None:
            self._bar.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def _given_seconds() -> float:
    """Return the seconds that a program which reads the lines asked for, or EVERY."""
    try:
        return float(os.environ.get(VARIABLE, EVERY))
    except ValueError:
        return EVERY


def shown(items: Iterable[ItemT], what: str, total: int, unit: str) -> Iterator[ItemT]:
    """Yield ``items`` and show how many of ``total`` there were."""
    with Progress(what, total, unit) as progress:
        for item in items:
            yield item
            progress.step()
