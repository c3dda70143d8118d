"""Detects reward farming: one component makes up nearly all of the return while milestones stagnate."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

FARMABLE = ("exploration", "battle")
EARNED = (*FARMABLE, "milestone")
MOST = 0.9
"""Share of the episodes that must be lopsided, so that one lucky episode does not hide farming."""
Sums = tuple[float, float, float]  # exploration, battle, milestone of one episode


def farmed(episodes: Sequence[Sums], share: float) -> str | None:
    """Return the component that is being farmed, or None.

    It made up more than ``share`` of the earnings in nine of ten ``episodes``, and the newer half of them
    earned no more from milestones than the older half. Earnings are the sum of the positive components,
    without penalties.
    """
    half = len(episodes) // 2
    if not half or _milestones(episodes[half:]) > _milestones(episodes[:half]):
        return None
    for slot, name in enumerate(FARMABLE):
        lopsided = sum(_share(sums, slot) > share for sums in episodes)
        if lopsided >= MOST * len(episodes):
            return name
    return None


def _milestones(episodes: Sequence[Sums]) -> float:
    return sum(sums[2] for sums in episodes) / len(episodes)


def _share(sums: Sums, slot: int) -> float:
    earned = sum(max(value, 0.0) for value in sums)
    return max(sums[slot], 0.0) / earned if earned > 0 else 0.0


class FarmAlarm(BaseCallback):
    """Records ``health/farm_alarm``: 1 while ``farmed`` names a component, else 0.

    Looks at the last ``episodes`` finished episodes and prints one line to ``stream`` when an alarm starts.
    Raises ValueError when ``share`` is not between 0 and 1, or ``episodes`` is below 2.
    """

    state_key = "farm_alarm"

    def __init__(self, share: float, episodes: int, stream: TextIO | None = None) -> None:
        super().__init__()
        if not 0 < share < 1 or episodes < 2:
            raise ValueError(f"share {share} must be between 0 and 1, episodes {episodes} at least 2")
        self.share = share
        self.component: str | None = None
        """The component being farmed as of the end of the last rollout."""
        self._recent: deque[Sums] = deque(maxlen=episodes)
        self._stream = stream or sys.stderr

    def snapshot(self) -> dict[str, Any]:
        """Return the episodes and the alarm, as JSON values."""
        return {"recent": [list(sums) for sums in self._recent], "component": self.component}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``."""
        self._recent.clear()
        self._recent.extend((e, b, m) for e, b, m in snapshot["recent"])
        self.component = snapshot["component"]

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            stats = info.get("episode_stats")
            if stats is not None:
                exploration, battle, milestone = (stats["reward_components"][name] for name in EARNED)
                self._recent.append((exploration, battle, milestone))
        return True

    def _on_rollout_end(self) -> None:
        before = self.component
        full = len(self._recent) == self._recent.maxlen
        self.component = farmed(tuple(self._recent), self.share) if full else None
        self.logger.record("health/farm_alarm", int(self.component is not None))
        if self.component is not None and before is None:
            tqdm.write(self._line(self.component), file=self._stream)  # does not break a progress bar

    def _line(self, component: str) -> str:
        return (
            f"farm alarm at step {self.model.num_timesteps:,}: {component} made up more than {self.share:.0%}"
            f" of what the last {len(self._recent)} episodes earned while milestones stand still;"
            " see docs/rewards.md"
        )
