"""Totals of a run, which continue after a resume."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

SUMMED = (
    "battles_started",
    "battles_won",
    "battles_lost",
    "battles_escaped",
    "badges_earned",
    "levels_gained",
)

COUNTED = ("updates", "episodes", *SUMMED, "map_progress_max")


class RunTotals(BaseCallback):
    """Counts updates and finished episodes, and sums the episodes' statistics. Kept in checkpoints."""

    state_key = "run_totals"

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = dict.fromkeys(COUNTED, 0)
        self.returns: deque[float] = deque(maxlen=100)

    def snapshot(self) -> dict[str, Any]:
        """Return the counts and the last returns, as JSON values."""
        return {"counts": dict(self.counts), "returns": list(self.returns)}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. A count that is missing or not an integer becomes 0."""
        for name in self.counts:
            value = snapshot["counts"].get(name)
            self.counts[name] = value if isinstance(value, int) else 0
        self.returns.clear()
        self.returns.extend(float(value) for value in snapshot.get("returns", ()))

    @property
    def mean_return(self) -> float | None:
        """Mean return of the last 100 episodes; None before the first has ended."""
        return sum(self.returns) / len(self.returns) if self.returns else None

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            stats = info.get("episode_stats")
            if stats is not None:
                self._count(stats)
        return True

    def _on_rollout_end(self) -> None:
        self.counts["updates"] += 1  # one follows every complete rollout

    def _count(self, stats: Mapping[str, Any]) -> None:
        self.counts["episodes"] += 1
        for name in SUMMED:
            self.counts[name] += int(stats[name])
        furthest = max(self.counts["map_progress_max"], int(stats["map_progress"]))
        self.counts["map_progress_max"] = furthest
        self.returns.append(float(stats["return"]))
