"""Visit counts of the places in sampled ``agent_stats``, and heat maps of them."""

from __future__ import annotations

import io
import math
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Image

from envs.files import write_atomically

Picture = NDArray[np.uint8]  # (height, width, 3)
Place = tuple[int, int, int]  # map id, y, x

VISITS = "visits.npz"
OVERVIEW = "overview.png"
PLACE = np.dtype([("map_id", np.uint8), ("y", np.uint8), ("x", np.uint8), ("count", np.int64)])
MAX_PLACES = 200_000  # about twice the tiles of the game: bounds what corrupted memory can add
MAX_PANELS = 36  # most maps in one picture
MAX_IMAGES = 8  # most maps with their own picture in TensorBoard
FILE_SCALE, PANEL_SCALE = 16, 10  # pixels per tile
GAP = 12  # pixels between panels
BACKGROUND = 255
NOT_TENSORBOARD = ("stdout", "log", "json", "csv")


class Maps(Protocol):
    """Draws maps: their names, and panels of the places visited on them."""

    def name(self, map_id: int) -> str: ...
    def panel(self, map_id: int, counts: Mapping[tuple[int, int], int], scale: int) -> Picture: ...


class Visits:
    """Number of samples at each place, for at most MAX_PLACES places."""

    def __init__(self) -> None:
        self.counts: Counter[Place] = Counter()

    def add(self, map_id: int, y: int, x: int) -> None:
        """Count one sample. New places beyond MAX_PLACES are ignored."""
        place = (map_id, y, x)
        if place in self.counts or len(self.counts) < MAX_PLACES:
            self.counts[place] += 1

    def by_map(self) -> dict[int, dict[tuple[int, int], int]]:
        """Return map id -> {(y, x): count}, the map with the most samples first."""
        maps: dict[int, dict[tuple[int, int], int]] = {}
        for (map_id, y, x), count in self.counts.items():
            maps.setdefault(map_id, {})[y, x] = count
        order = sorted(maps, key=lambda m: (-sum(maps[m].values()), m))
        return {map_id: maps[map_id] for map_id in order}

    def as_array(self) -> NDArray[np.void]:
        """Return all places in order as a structured array of PLACE."""
        rows = [(*place, count) for place, count in sorted(self.counts.items())]
        return np.array(rows, dtype=PLACE)

    @staticmethod
    def of_array(places: NDArray[np.void]) -> Visits:
        """Build from the result of ``as_array``. Raises ValueError for another dtype or shape."""
        if places.dtype != PLACE or places.ndim != 1 or len(places) > MAX_PLACES:
            raise ValueError(f"visits have dtype {places.dtype} and shape {places.shape}")
        visits = Visits()
        visits.counts.update({(int(m), int(y), int(x)): int(count) for m, y, x, count in places.tolist()})
        return visits


def mosaic(panels: list[Picture]) -> Picture:
    """Arrange the panels in rows, tallest first, on one roughly square picture (1 x 1 without panels)."""
    if not panels:
        return np.full((1, 1, 3), BACKGROUND, dtype=np.uint8)
    area = sum((panel.shape[0] + GAP) * (panel.shape[1] + GAP) for panel in panels)
    width = max(int(math.sqrt(area) * 1.2), max(panel.shape[1] for panel in panels)) + 2 * GAP
    spots, left, top, row_height = [], GAP, GAP, 0
    for panel in sorted(panels, key=lambda p: -p.shape[0]):
        if left + panel.shape[1] + GAP > width:
            left, top, row_height = GAP, top + row_height + GAP, 0
        spots.append((top, left, panel))
        left += panel.shape[1] + GAP
        row_height = max(row_height, panel.shape[0])
    picture = np.full((top + row_height + GAP, width, 3), BACKGROUND, dtype=np.uint8)
    for top, left, panel in spots:
        picture[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
    return picture


def overview(visits: Visits, maps: Maps) -> Picture:
    """Draw the maps with the most samples on one picture."""
    busiest = list(visits.by_map().items())[:MAX_PANELS]
    return mosaic([maps.panel(map_id, counts, PANEL_SCALE) for map_id, counts in busiest])


def write_pictures(visits: Visits, maps: Maps, folder: Path) -> list[Path]:
    """Write the overview and one picture for each of the most visited maps as PNG. Raises OSError."""
    named = {OVERVIEW: overview(visits, maps)}
    for map_id, counts in list(visits.by_map().items())[:MAX_PANELS]:
        plain = "".join(c if c.isalnum() else "_" for c in maps.name(map_id))
        named[f"{map_id:03d}_{plain}.png"] = maps.panel(map_id, counts, FILE_SCALE)
    for name, picture in named.items():
        buffer = io.BytesIO()
        Pictures.fromarray(picture).save(buffer, format="PNG", optimize=True)
        write_atomically(folder / name, buffer.getvalue())
    return [folder / name for name in named]


class ExplorationPicture(BaseCallback):
    """Counts the places in ``info["agent_stats"]`` and draws heat maps of them.

    Records ``trajectory/explore_sum`` and the most visited maps as ``exploration/NAME``, and writes them to
    ``folder`` (None: nowhere). Pictures come with the first log dump, and with the first dump after every
    ``every_steps`` steps, and at the end if LogUpdates comes later. The folder is written then too. A disk
    error becomes a warning.
    """

    state_key = "exploration"

    def __init__(self, maps: Maps, folder: Path | None = None, every_steps: int = 50_000) -> None:
        super().__init__()
        self.maps, self.folder, self.every_steps = maps, folder, every_steps
        self.visits = Visits()
        self._next = 0
        self._drawn_at = -1  # step of the last pictures in TensorBoard

    def snapshot(self) -> dict[str, Any]:
        """Return the counts (rows of PLACE) and the step count of the next pictures."""
        return {"places": self.visits.as_array().tobytes(), "next": self._next}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError, TypeError or ValueError when it is damaged."""
        self.visits = Visits.of_array(np.frombuffer(state["places"], dtype=PLACE))
        self._next = int(state["next"])

    def save(self) -> None:
        """Write counts and pictures. Does nothing without a folder or samples."""
        if self.folder is None or not self.visits.counts:
            return
        buffer = io.BytesIO()
        np.savez_compressed(buffer, places=self.visits.as_array())
        try:
            write_atomically(self.folder / VISITS, buffer.getvalue())
            write_pictures(self.visits, self.maps, self.folder)
        except OSError as error:
            print(f"warning: {self.folder} cannot be written: {error.strerror}", file=sys.stderr)

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            stats = info.get("agent_stats")
            if stats is not None:
                self.visits.add(stats["map_id"], stats["y"], stats["x"])
        return True

    def _on_rollout_end(self) -> None:
        if not self.visits.counts or self.num_timesteps < self._next:
            return
        self._next = self.num_timesteps + self.every_steps
        self._record()
        self.save()

    def _record(self) -> None:
        """Record the pictures for TensorBoard."""
        self._drawn_at = self.num_timesteps
        pictures = {"trajectory/explore_sum": overview(self.visits, self.maps)}
        for map_id, counts in list(self.visits.by_map().items())[:MAX_IMAGES]:
            pictures[f"exploration/{self.maps.name(map_id)}"] = self.maps.panel(map_id, counts, PANEL_SCALE)
        for key, picture in pictures.items():
            self.logger.record(key, Image(picture, "HWC"), exclude=NOT_TENSORBOARD)

    def _on_training_end(self) -> None:
        self.save()
        if self.visits.counts and self._drawn_at != self.num_timesteps:
            self._record()  # LogUpdates dumps it with the last update
