"""Where the environments of a run are, for the map of the history page."""

from __future__ import annotations

import json
import time
from collections import deque
from pathlib import Path
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from envs.files import disk_may_refuse, write_atomically

FILE_NAME = "live_map.json"
EVERY_S = 2.0
"""Seconds between two writes, at least."""
TRAIL = 24  # latest places of an environment
MOST_PLACES = 6000  # of all environments together, which bounds the file to about 60 kB
Place = tuple[int, int, int]


class LiveMap(BaseCallback):
    """Writes the latest places in ``info["agent_stats"]`` to ``folder/live_map.json``.

    The file has ``steps``, ``written`` (seconds since 1970), and for each environment ``map``, ``x``, ``y``
    (tiles), ``battle`` and its ``trail`` of earlier places [map, x, y], oldest first. It is written every
    ``every_s`` seconds at most, and at the end of training. It works with environments on other machines,
    since it reads only ``info``. A disk error becomes a warning.
    """

    def __init__(self, folder: Path, every_s: float = EVERY_S) -> None:
        super().__init__()
        self.path, self.every_s = folder / FILE_NAME, every_s
        self._trails: list[deque[Place]] = []
        self._battles: list[bool] = []
        self._next = 0.0
        self._news = False

    def _on_training_start(self) -> None:
        self.follow(self.training_env.num_envs)

    def follow(self, number: int) -> None:
        """Begin with ``number`` environments, of which nothing is known."""
        kept = max(1, min(TRAIL, MOST_PLACES // number))
        self._trails = [deque(maxlen=kept) for _ in range(number)]
        self._battles = [False] * number

    def _on_step(self) -> bool:
        for env, info in enumerate(self.locals["infos"]):
            stats = info.get("agent_stats")
            if stats is not None:
                self._trails[env].append((int(stats["map_id"]), int(stats["x"]), int(stats["y"])))
                self._battles[env] = stats["battle"] > 0
                self._news = True
        if self._news and (now := time.monotonic()) >= self._next:
            self._next = now + self.every_s
            self.write()
        return True

    def _on_training_end(self) -> None:
        if self._news:
            self.write()

    def write(self) -> None:
        """Write the file, unless the folder was removed, which must not come back."""
        self._news = False
        if not self.path.parent.is_dir():
            return
        content = {"steps": self.num_timesteps, "written": time.time(), "environments": self._places()}
        with disk_may_refuse(self.path):
            data = json.dumps(content, separators=(",", ":")).encode()
            write_atomically(self.path, data, synced=False)

    def _places(self) -> list[dict[str, Any]]:
        found = []
        for env, (trail, battle) in enumerate(zip(self._trails, self._battles, strict=True)):
            if trail:
                map_id, x, y = trail[-1]
                here = {"env": env, "map": map_id, "x": x, "y": y, "battle": battle}
                found.append({**here, "trail": list(trail)[:-1]})
        return found
