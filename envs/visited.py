"""Tiles visited in an episode: by map, across the borders of maps, and of the whole world coarsely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.ram import FIRST_INDOOR_MAP, GameState

CROP = 48  # steps, in both directions
HALF = CROP // 2
SIDES = (64, 128, 256)  # steps; coordinates are bytes
DOWN, UP, LEFT, RIGHT = 0, 4, 8, 12
MOST_STEPS = 4  # of the player in one action
CELL = 8  # steps, of the coarse map
WORLD = 128  # cells, in both directions; the towns and routes of the game cover 55 x 56
WORLD_STEPS = WORLD * CELL
LAST = ("map_id", "x", "y", "map_width", "map_height")
Place = tuple[int, int, int]
NOWHERE: Place = 0, 0, -1


def _side(coordinate: int) -> int:
    return next(side for side in SIDES if coordinate < side)


def border_offset(before: GameState, now: GameState) -> tuple[int, int] | None:
    """Return where the map of ``now`` begins in steps from the origin of that of ``before``, if a walk of one
    action led over the border between them; None if it was a door, a flight or a map still loading.

    Maps of towns and routes lie beside each other: who leaves one over its edge enters the other at the
    opposite edge, and only one coordinate of the position changes in the world.
    """
    if max(before.map_id, now.map_id) >= FIRST_INDOOR_MAP:
        return None
    width, height = 2 * before.map_width, 2 * before.map_height
    east, south = 2 * now.map_width, 2 * now.map_height
    beside = before.x - now.x, before.y - now.y
    moved, offset = {
        UP: (before.y + south - now.y, (beside[0], -south)),
        DOWN: (height - before.y + now.y, (beside[0], height)),
        LEFT: (before.x + east - now.x, (-east, beside[1])),
        RIGHT: (width - before.x + now.x, (width, beside[1])),
    }[now.facing]
    return offset if 1 <= moved <= MOST_STEPS else None


class _Crop:
    """The crop of the last call, row by row. It stays the same for many steps."""

    def __init__(self) -> None:
        self.content = b""
        self.key: tuple[int, ...] | None = None

    def forget(self) -> None:
        """Something in it may have changed."""
        self.key = None

    def keep(self, key: tuple[int, ...], image: NDArray[np.uint8]) -> None:
        """Copy ``image``, which is that of ``key``."""
        self.content, self.key = image.tobytes(), key


class World:
    """Where the maps of an episode lie, in steps from its first tile, and a coarse map of what was visited.

    A map that is entered over a border lies beside the other; both are of one region. One that is entered
    through a door begins a region of its own, in which the door lies where the player was. Nothing is known
    of a map before it is entered, so no table of the game's maps is needed.
    """

    def __init__(self) -> None:
        self._places: dict[int, Place] = {}  # by map: x and y of its origin, and region
        self._cells = np.zeros((WORLD + CROP, WORLD + CROP), np.uint8)
        self._crop = _Crop()
        self.here = 0, 0
        """x and y of the player."""

    def begin(self, state: GameState) -> None:
        """Begin an episode at the tile of ``state``, the origin."""
        self._places = {state.map_id: (-state.x, -state.y, 0)}
        self._cells[:] = 0
        self._crop.forget()

    def cross(self, before: GameState, now: GameState) -> bool:
        """Take in a step that led to another map; return whether this adds it to the region of the last."""
        offset = None if now.map_id in self._places else border_offset(before, now)
        if offset is not None and before.map_id in self._places:
            x, y, region = self._places[before.map_id]
            self._places[now.map_id] = x + offset[0], y + offset[1], region
            return True
        return False

    def stand(self, state: GameState) -> None:
        """Take in a step on the map of the step before."""
        place = self._places.get(state.map_id)
        if place is None:
            x, y = self.here
            place = self._places[state.map_id] = x - state.x, y - state.y, len(self._places)
        self.here = place[0] + state.x, place[1] + state.y

    def mark(self) -> None:
        """Mark the cell of the tile on which the player stands."""
        row, column = self._corner()
        if not self._cells[row + HALF, column + HALF]:
            self._cells[row + HALF, column + HALF] = 255
            self._crop.forget()

    def crop(self) -> NDArray[np.uint8]:
        """Return the cells around the player, who is in row 24, column 24: uint8 (48, 48), read-only."""
        return np.frombuffer(self.bytes_around(), np.uint8).reshape(CROP, CROP)

    def bytes_around(self) -> bytes:
        """Return ``crop`` as bytes, the same object as in the last call if nothing changed."""
        corner = row, column = self._corner()
        if self._crop.key != corner:
            self._crop.keep(corner, self._cells[row : row + CROP, column : column + CROP])
        return self._crop.content

    def region_of(self, map_id: int) -> int:
        """Return the region of a map; -1 if it was not entered."""
        return self._places.get(map_id, NOWHERE)[2]

    def locate(self, state: GameState) -> tuple[int, int]:
        """Return x and y of a position on a map that was entered."""
        x, y, _ = self._places[state.map_id]
        return x + state.x, y + state.y

    def maps_of(self, region: int) -> list[tuple[int, int, int]]:
        """Return the maps of a region: id, and x and y of the origin."""
        return [(map_id, x, y) for map_id, (x, y, own) in self._places.items() if own == region]

    def joined_regions(self) -> list[int]:
        """Return the regions of several maps."""
        sizes = Counter(region for _, _, region in self._places.values())
        return [region for region, count in sizes.items() if count > 1]

    def snapshot(self) -> dict[str, Any]:
        """Return plain JSON values."""
        places = [[map_id, *place] for map_id, place in self._places.items()]
        return {"places": places, "cells": np.flatnonzero(self._cells).tolist(), "here": list(self.here)}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from a ``snapshot``. Raises ValueError, KeyError, TypeError or IndexError."""
        self._places = {int(number): (int(x), int(y), int(part)) for number, x, y, part in snapshot["places"]}
        self._cells[:] = 0
        self._cells.flat[np.array(snapshot["cells"], np.int64)] = 255
        self._crop.forget()
        x, y = snapshot["here"]
        self.here = int(x), int(y)

    def _corner(self) -> tuple[int, int]:
        """Row and column of the crop's first cell; tiles beyond the edge of the world lie at its edge."""
        x, y = self.here
        row, column = y // CELL + WORLD // 2, x // CELL + WORLD // 2
        return min(max(row, 0), WORLD - 1), min(max(column, 0), WORLD - 1)


class VisitedTiles:
    """Visited tiles (map, x, y) of one episode as one image per map: 255 where visited, 0 elsewhere.

    An image is created when its map is first entered, and is as large as the coordinates seen there require,
    with a margin of half a crop on every side. Memory is thus bounded by the number of maps, not of steps.
    """

    def __init__(self) -> None:
        self._maps: dict[int, NDArray[np.uint8]] = {}
        self._regions: dict[int, NDArray[np.uint8]] = {}  # those of several maps
        self._across = _Crop()
        self._last = GameState(map_id=-1)
        self._stood = False  # whether the tile of the last step was marked
        self.world = World()
        """Where the maps lie, and the coarse map."""
        self.count = 0
        """Number of different tiles visited."""

    def reset(self, state: GameState) -> None:
        """Clear all tiles and mark the tile of ``state``."""
        self._maps.clear()
        self._regions.clear()
        self._across.forget()
        self.count = 0
        self._last, self._stood = state, False
        self.world.begin(state)
        self.mark(state)

    def mark(self, state: GameState) -> bool:
        """Mark the tile of ``state``; True if it is new.

        The step in which the map changes is skipped: the game does not write the map's ID and the coordinates
        at the same time.
        """
        last, self._last = self._last, state
        if state.map_id != last.map_id:
            if self.world.cross(last, state):
                self._draw(self.world.region_of(state.map_id))
                self._across.forget()
            self._stood = False
            return False
        if self._stood and state.x == last.x and state.y == last.y:
            return False
        self._stood = True
        self.world.stand(state)
        picture = self._picture(state)
        if picture[state.y + HALF, state.x + HALF]:
            return False
        picture[state.y + HALF, state.x + HALF] = 255
        self.count += 1
        self._across.forget()
        self.world.mark()
        region = self._regions.get(self.world.region_of(state.map_id))
        if region is not None:
            _around(region, *self.world.here)[HALF, HALF] = 255
        return True

    def crop(self, state: GameState) -> NDArray[np.uint8]:
        """Return a view of the tiles around the player, who is at row 24, column 24: uint8 (48, 48)."""
        return self._picture(state)[state.y : state.y + CROP, state.x : state.x + CROP]

    def crop_across(self, state: GameState) -> NDArray[np.uint8]:
        """Return ``crop`` with the visited tiles of the maps that lie beside this one, read-only."""
        return np.frombuffer(self.bytes_across(state), np.uint8).reshape(CROP, CROP)

    def bytes_across(self, state: GameState) -> bytes:
        """Return ``crop_across`` as bytes, the same object as in the last call if nothing changed."""
        key = state.map_id, state.x, state.y
        if self._across.key != key:
            region = self._regions.get(self.world.region_of(state.map_id))
            crop = self.crop(state) if region is None else _around(region, *self.world.locate(state))
            self._across.keep(key, crop)
        return self._across.content

    def _draw(self, region: int) -> None:
        """Draw the visited tiles of all maps of a region in one image, in which ``mark`` then continues."""
        image = self._regions.setdefault(region, np.zeros((WORLD_STEPS + CROP, WORLD_STEPS + CROP), np.uint8))
        for map_id, left, top in self.world.maps_of(region):
            tiles = np.argwhere(self._maps[map_id]) - HALF if map_id in self._maps else ()
            for y, x in tiles:
                _around(image, left + int(x), top + int(y))[HALF, HALF] = 255

    def snapshot(self) -> dict[str, Any]:
        """Return plain JSON values: each map's ID, its image's height and width, and the pixels set."""
        maps = [
            [map_id, *picture.shape, np.flatnonzero(picture).tolist()]
            for map_id, picture in self._maps.items()
        ]
        last = {name: getattr(self._last, name) for name in LAST}
        return {"maps": maps, "last": last, "count": self.count, "world": self.world.snapshot()}

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
        last: Any = {name: int(snapshot["last"][name]) for name in LAST}
        self._last, self._stood = GameState(**last), False
        self.count = int(snapshot["count"])
        self.world.restore(snapshot["world"])
        self._regions = {}
        self._across.forget()
        for region in self.world.joined_regions():
            self._draw(region)

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


def _around(image: NDArray[np.uint8], x: int, y: int) -> NDArray[np.uint8]:
    """Return a view of the tiles around one, which is in row 24, column 24, in the image of a region.

    Tiles beyond the edge of the world lie at its edge.
    """
    row, column = (min(max(steps + WORLD_STEPS // 2, 0), WORLD_STEPS - 1) for steps in (y, x))
    return image[row : row + CROP, column : column + CROP]
