"""Progress of a run: a bar on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Never, TextIO

from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

RATE_WINDOW_S = 20.0  # window for steps/s and time left


def duration(seconds: float) -> str:
    """Format seconds as ``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ProgressBar(BaseCallback):
    """Shows steps, steps/s, time left, and of finished episodes the mean return of the last ``window``, the
    number of battles started and that of episodes: the same numbers as in the closing table.

    On a terminal it draws one bar on ``stream``. Elsewhere it prints a line about every ``line_every_s``
    seconds and one at the end.
    """

    state_key = "progress_bar"

    def __init__(
        self, total_steps: int, window: int = 100, line_every_s: float = 15.0, stream: TextIO | None = None
    ) -> None:
        super().__init__()
        self.total_steps, self.line_every_s = total_steps, line_every_s
        self.stream = stream or sys.stderr
        self.returns: deque[float] = deque(maxlen=window)
        self.episodes = self.battles = 0
        self._times: deque[tuple[float, int]] = deque(maxlen=256)
        self._bar: tqdm[Never] | None = None
        self._last_shown = 0.0

    def steps_per_second(self) -> float:
        """Return environment steps per second of wall time over the last RATE_WINDOW_S, including updates."""
        (t0, n0), (t1, n1) = self._times[0], self._times[-1]
        return (n1 - n0) / (t1 - t0) if t1 > t0 else 0.0

    def describe(self) -> str:
        """Return steps/s, time left, mean return and battles in one line."""
        rate = self.steps_per_second()
        left = duration(max(self.total_steps - self.num_timesteps, 0) / rate) if rate else "?"
        mean = f"{sum(self.returns) / len(self.returns):.2f}" if self.returns else "-"
        battles = f"battles {self.battles:,} in {self.episodes:,} episodes"
        return f"{rate:,.0f} steps/s, {left} left, mean return {mean}, {battles}"

    def snapshot(self) -> dict[str, Any]:
        """Return the recent returns and the counts so far, as JSON values."""
        return {"returns": list(self.returns), "battles": self.battles, "episodes": self.episodes}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError, TypeError or ValueError when it is damaged."""
        self.returns.clear()
        self.returns.extend(float(value) for value in snapshot["returns"])
        self.battles, self.episodes = int(snapshot["battles"]), int(snapshot["episodes"])

    def _on_training_start(self) -> None:
        self.num_timesteps = self.model.num_timesteps
        self._times.clear()
        self._take_time(time.monotonic())
        self._last_shown = time.monotonic()
        if self.stream.isatty():
            form = "{percentage:3.0f}% |{bar}| {n:,}/{total:,} steps, {desc}"
            self._bar = tqdm(
                total=self.total_steps, initial=self.num_timesteps, file=self.stream, bar_format=form
            )

    def _take_time(self, now: float) -> None:
        self._times.append((now, self.num_timesteps))
        while len(self._times) > 2 and now - self._times[0][0] > RATE_WINDOW_S:
            self._times.popleft()

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            if "episode_stats" in info:
                stats = info["episode_stats"]
                self.returns.append(stats["return"])
                self.battles += stats["battles_started"]
                self.episodes += 1
        now = time.monotonic()
        if now - self._last_shown >= (0.25 if self._bar is not None else self.line_every_s):
            self._show(now)
        return True

    def _show(self, now: float) -> None:
        self._last_shown = now
        self._take_time(now)
        if self._bar is not None:
            self._bar.set_description_str(self.describe(), refresh=False)
            self._bar.n = min(self.num_timesteps, self.total_steps)
            self._bar.refresh()
            return
        share = self.num_timesteps / self.total_steps if self.total_steps else 1.0
        print(
            f"{self.num_timesteps:,} of {self.total_steps:,} steps ({share:.0%}), {self.describe()}",
            file=self.stream,
            flush=True,
        )

    def _on_training_end(self) -> None:
        self._show(time.monotonic())
        if self._bar is not None:
            self._bar.close()
            self._bar = None
