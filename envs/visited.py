"""Which tiles an episode has stood on, map by map."""

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
    """The tiles (map, x, y) of one episode as one picture per map: 255 where visited, 0 elsewhere.

    A picture is made when its map is first entered, as large as the coordinates seen there need, with half
    a crop of margin all round; so memory is bounded by the number of maps, not by steps.
    """

    def __init__(self) -> None:
        self._maps: dict[int, NDArray[np.uint8]] = {}
        self._last_map: int | None = None
        self.count = 0
        """How many different tiles were visited."""

    def reset(self, state: GameState) -> None:
        """Forget everything; the tile of ``state`` is the first."""
        self._maps.clear()
        self.count = 0
        self._last_map = state.map_id
        self.mark(state)

    def mark(self, state: GameState) -> bool:
        """Take in the tile of ``state``; True when it is new.

        The step on which the map changes is left out: its id and its coordinates are not written at the
        same moment.
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
        """uint8 (48, 48), a view: the tiles round the player, who is at row 24, column 24."""
        return self._picture(state)[state.y : state.y + CROP, state.x : state.x + CROP]

    def snapshot(self) -> dict[str, Any]:
        """Plain JSON values: of each map its id, its picture's height and width, and which pixels are set."""
        maps = [
            [map_id, *picture.shape, np.flatnonzero(picture).tolist()]
            for map_id, picture in self._maps.items()
        ]
        return {"maps": maps, "last_map": self._last_map, "count": self.count}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a ``snapshot``. Raises ValueError, KeyError, TypeError or IndexError otherwise."""
        self._maps = {}
        for map_id, height, width, pixels in snapshot["maps"]:
            if {height, width} - {side + CROP for side in SIDES}:
                raise ValueError(f"a picture of visited tiles cannot be {height} x {width}")
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
