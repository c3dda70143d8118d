"""A picture of where the agents have been: one panel per map, brighter where more samples fell."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Image

MAX_PANELS = 36  # the maps with most samples
GAP = 2  # pixels between panels
NOT_TENSORBOARD = ("stdout", "log", "json", "csv")


def panel(counts: dict[tuple[int, int], int]) -> NDArray[np.uint8]:
    """Visits of one map, (y, x) -> count, as a picture (height, width) uint8 of the tiles between the
    outermost."""
    ys, xs = zip(*counts, strict=True)
    top, left = min(ys), min(xs)
    picture = np.zeros((max(ys) - top + 1, max(xs) - left + 1), dtype=np.uint8)
    scale = math.log1p(max(counts.values()))
    for (y, x), count in counts.items():
        picture[y - top, x - left] = 64 + round(191 * math.log1p(count) / scale)
    return picture


def mosaic(panels: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The panels in rows on one square-ish picture (height, width) uint8; 1 x 1 black when there are
    none."""
    if not panels:
        return np.zeros((1, 1), dtype=np.uint8)
    columns = math.ceil(math.sqrt(len(panels)))
    height = max(p.shape[0] for p in panels) + GAP
    width = max(p.shape[1] for p in panels) + GAP
    picture = np.zeros((height * math.ceil(len(panels) / columns), width * columns), dtype=np.uint8)
    for i, p in enumerate(panels):
        top, left = i // columns * height, i % columns * width
        picture[top : top + p.shape[0], left : left + p.shape[1]] = p
    return picture


class ExplorationPicture(BaseCallback):
    """Counts the places in ``info["agent_stats"]`` and records ``trajectory/explore_sum`` now and then.

    The counts have one entry per place of the game, so they are bounded by its maps. The picture comes with
    the first dump after every ``every_steps`` steps and with the first dump of all.
    """

    def __init__(self, every_steps: int = 50_000) -> None:
        super().__init__()
        self.every_steps = every_steps
        self.visits: Counter[tuple[int, int, int]] = Counter()  # (map id, y, x)
        self._next = 0

    def picture(self) -> NDArray[np.uint8]:
        """All places seen so far, (height, width) uint8; maps in order of their number of samples."""
        maps: dict[int, dict[tuple[int, int], int]] = {}
        for (map_id, y, x), count in self.visits.items():
            maps.setdefault(map_id, {})[y, x] = count
        order = sorted(maps, key=lambda m: (-sum(maps[m].values()), m))
        return mosaic([panel(maps[m]) for m in order[:MAX_PANELS]])

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            stats = info.get("agent_stats")
            if stats is not None:
                self.visits[stats["map_id"], stats["y"], stats["x"]] += 1
        return True

    def _on_rollout_end(self) -> None:
        if self.visits and self.num_timesteps >= self._next:
            self._next = self.num_timesteps + self.every_steps
            self.logger.record("trajectory/explore_sum", Image(self.picture(), "HW"), exclude=NOT_TENSORBOARD)
