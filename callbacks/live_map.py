"""Where the environments of a run are, for the map of the history page."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from heapq import nlargest
from operator import itemgetter
from pathlib import Path
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from envs.files import disk_may_refuse, write_atomically

FILE_NAME = "live_map.json"
EVERY_S = 2.0
"""Seconds between two writes, at least."""
APART = 400
"""A write waits for this many times the processor time of the last one: the bound of its cost is 0.25 %."""
TRAIL = 24  # latest places of an environment
MOST_PLACES = 6000  # of all environments together, which bounds them in the file to about 60 kB
MOST_HEAT = 4000  # places, the busiest, which bounds them in the file to about 60 kB
Place = tuple[int, int, int]


class LiveMap(BaseCallback):
    """Writes the latest places in ``info["agent_stats"]`` to ``folder/live_map.json``.

    The file has ``steps``, ``written`` (seconds since 1970), and for each environment ``map``, ``x``, ``y``
    (tiles), ``battle`` and its ``trail`` of earlier places [map, x, y], oldest first. ``heat`` has the rows
    [map, x, y, samples] of the busiest places in ``counts()``, by (map, y, x), of callbacks.exploration.
    ``spent_seconds`` is the processor time that this callback took in the ``session_seconds`` since training
    began. The file is written every ``every_s`` seconds at most, less often where a write takes long, and at
    the end of training. It works with environments on other machines, since it reads only ``info``. A disk
    error becomes a warning.
    """

    def __init__(
        self,
        folder: Path,
        counts: Callable[[], Mapping[Place, int]] = dict,
        every_s: float = EVERY_S,
    ) -> None:
        super().__init__()
        self.path, self.every_s = folder / FILE_NAME, every_s
        self._counts = counts
        self._trails: list[deque[Place]] = []
        self._battles: list[bool] = []
        self._next = self._spent = 0.0
        self._began = time.monotonic()
        self._news = False

    def _on_training_start(self) -> None:
        self.follow(self.training_env.num_envs)

    def follow(self, number: int) -> None:
        """Begin with ``number`` environments, of which nothing is known."""
        kept = max(1, min(TRAIL, MOST_PLACES // number))
        self._trails = [deque(maxlen=kept) for _ in range(number)]
        self._battles = [False] * number
        self._began, self._spent = time.monotonic(), 0.0

    def _on_step(self) -> bool:
        begun = time.thread_time()
        for env, info in enumerate(self.locals["infos"]):
            stats = info.get("agent_stats")
            if stats is not None:
                self._trails[env].append((int(stats["map_id"]), int(stats["x"]), int(stats["y"])))
                self._battles[env] = stats["battle"] > 0
                self._news = True
        if self._news and (now := time.monotonic()) >= self._next:
            self._next = now + self.every_s
            writing = time.thread_time()
            self.write()
            self._next = max(self._next, now + APART * (time.thread_time() - writing))
        self._spent += time.thread_time() - begun
        return True

    def _on_training_end(self) -> None:
        if self._news:
            self.write()

    def write(self) -> None:
        """Write the file, unless the folder was removed, which must not come back."""
        self._news = False
        if not self.path.parent.is_dir():
            return
        content = {
            "steps": self.num_timesteps,
            "written": time.time(),
            "spent_seconds": round(self._spent, 4),
            "session_seconds": round(time.monotonic() - self._began, 1),
            "environments": self._places(),
            "heat": self._heat(),
        }
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

    def _heat(self) -> list[tuple[int, int, int, int]]:
        counts = self._counts().items()
        busiest = nlargest(MOST_HEAT, counts, itemgetter(1)) if len(counts) > MOST_HEAT else counts
        return [(map_id, x, y, count) for (map_id, y, x), count in busiest]
