"""Return and length of episodes by the start state that they began at."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from callbacks.episode_metrics import record_mean

MEANS = ("return", "length")


def labels(names: Sequence[str]) -> dict[str, str]:
    """Return a label for each start: its name, or for a file its name without folder and suffix.

    Equal labels are numbered in order.

    >>> labels(["starter", "states/cave.state", "old/cave.state"])
    {'starter': 'starter', 'states/cave.state': 'cave', 'old/cave.state': 'cave 2'}
    """
    found: dict[str, str] = {}
    for name in names:
        label = PurePath(name).stem
        same = sum(PurePath(other).stem == label for other in found)
        found[name] = f"{label} {same + 1}" if same else label
    return found


class StartMetrics(BaseCallback):
    """Records ``train/start/LABEL/return_mean`` and ``length_mean`` (steps) before every log dump.

    They are means over the last ``window`` finished episodes of each of the starts ``names`` (values of
    ``info["episode_stats"]["start"]``), and NaN until one has ended. Other episodes do not count.
    """

    state_key = "start_metrics"

    def __init__(self, names: Sequence[str], window: int = 100) -> None:
        super().__init__()
        self.labels = labels(names)
        self.recent: dict[str, deque[tuple[float, float]]] = {name: deque(maxlen=window) for name in names}

    def snapshot(self) -> dict[str, Any]:
        """Return the windows, as JSON values."""
        return {name: [list(episode) for episode in recent] for name, recent in self.recent.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. A start that it lacks begins with an empty window."""
        for name, recent in self.recent.items():
            recent.clear()
            recent.extend((float(total), float(length)) for total, length in snapshot.get(name, ()))

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            stats = info.get("episode_stats")
            if stats is not None and stats.get("start") in self.recent:
                self.recent[stats["start"]].append((float(stats["return"]), float(stats["length"])))
        return True

    def _on_rollout_end(self) -> None:
        for name, recent in self.recent.items():
            for place, mean in enumerate(MEANS):
                value = sum(episode[place] for episode in recent) / len(recent) if recent else None
                record_mean(self.logger, f"train/start/{self.labels[name]}/{mean}_mean", value)
