"""Tiles visited in an episode, by map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.ram import GameState

CROP = 48  # steps, in both directions
HALF = CROP // 2
SIDES = (64, 128, 256)  # steps; coordinates are bytes


def _side(coordinate: int) -> int:
    return next(side for side in SIDES if coordinate < side)


class VisitedTiles:
    """Visited tiles (map, x, y) of one episode as one image per map: 255 where visited, 0 elsewhere.

    An image is created when its map is first entered, and is as large as the coordinates seen there require,
    with a margin of half a crop on every side. Memory is thus bounded by the number of maps, not of steps.
    """

    def __init__(self) -> None:
        self._maps: dict[int, NDArray[np.uint8]] = {}
        self._last_map: int | None = None
        self.count = 0
        """Number of different tiles visited."""

    def reset(self, state: GameState) -> None:
        """Clear all tiles and mark the tile of ``state``."""
        self._maps.clear()
        self.count = 0
        self._last_map = state.map_id
        self.mark(state)

    def mark(self, state: GameState) -> bool:
        """Mark the tile of ``state``; True if it is new.

        The step in which the map changes is skipped: the game does not write the map's ID and the coordinates
        at the same time.
        """
        same_map = state.map_id == self._last_map
        self._last_map = state.map_id
        if not same_map:
            return False
        picture = self._picture(state)
        if picture[state.y + HALF, state.x + HALF]:
            return False
        picture[state.y + HALF, state.x + HALF] = 255
        self.count += 1
        return True

    def crop(self, state: GameState) -> NDArray[np.uint8]:
        """Return a view of the tiles around the player, who is at row 24, column 24: uint8 (48, 48)."""
        return self._picture(state)[state.y : state.y + CROP, state.x : state.x + CROP]

    def snapshot(self) -> dict[str, Any]:
        """Return plain JSON values: each map's ID, its image's height and width, and the pixels set."""
        maps = [
            [map_id, *picture.shape, np.flatnonzero(picture).tolist()]
            for map_id, picture in self._maps.items()
        ]
        return {"maps": maps, "last_map": self._last_map, "count": self.count}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from a ``snapshot``.

        Raises ValueError, KeyError, TypeError or IndexError for an invalid one.
        """
        self._maps = {}
        for map_id, height, width, pixels in snapshot["maps"]:
            if {height, width} - {side + CROP for side in SIDES}:
                raise ValueError(f"an image of visited tiles cannot be {height} x {width}")
            picture = np.zeros(height * width, np.uint8)
            picture[np.array(pixels, np.int64)] = 255
            self._maps[int(map_id)] = picture.reshape(height, width)
        self._last_map, self.count = snapshot["last_map"], int(snapshot["count"])

    def _picture(self, state: GameState) -> NDArray[np.uint8]:
        old = self._maps.get(state.map_id)
        if old is not None and state.y + CROP <= old.shape[0] and state.x + CROP <= old.shape[1]:
            return old
        height, width = (_side(state.y) + CROP, _side(state.x) + CROP)
        if old is not None:
            height, width = max(height, old.shape[0]), max(width, old.shape[1])
        new = np.zeros((height, width), np.uint8)
        if old is not None:
            new[: old.shape[0], : old.shape[1]] = old
        self._maps[state.map_id] = new
        return new
