"""Where maps lie on one picture of the world: towns and routes as in the game, and rooms in rows below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from envs.cartridge.world_text.maps import load_maps
from envs.game.borders import BORDERS, Border, corners
from envs.game.maps import MAP_STEPS, map_name
from training.drawing.map_drawings import WORLD

GAP = 4  # steps between rooms
NARROWEST = 60  # steps that a row of rooms may take at least


@dataclass(frozen=True, slots=True)
class PlacedMap:
    """A map with its place on the picture and its size, in steps, and whether it is a town or a route."""

    map_id: int
    name: str
    left: int
    top: int
    width: int
    height: int
    outside: bool


class Atlas:
    """The places of the maps of a game; ``embedded``: of the cartridge that comes with the project."""

    def __init__(self, embedded: bool) -> None:
        borders, self._sizes = _embedded() if embedded else (BORDERS, MAP_STEPS)
        self._corners: Mapping[int, tuple[int, int]] = corners(borders, self._sizes)

    def placed(self, wanted: Iterable[int]) -> list[PlacedMap]:
        """Return the maps ``wanted`` and all towns and routes between them, moved so that the picture begins
        at 0, 0. Maps of unknown size are left out."""
        known = sorted({number for number in wanted if number in self._sizes})
        outside = [number for number in known if number in self._corners]
        world = self._window(outside)
        rooms = self._rows([number for number in known if number not in self._corners], world)
        return world + rooms

    def _window(self, outside: list[int]) -> list[PlacedMap]:
        """Return the towns and routes that lie in the rectangle around ``outside``."""
        if not outside:
            return []
        boxes = [self._box(number) for number in outside]
        left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
        shown = {number: self._box(number) for number in sorted(self._corners)}
        return [
            self._put(number, box[0] - left, box[1] - top)
            for number, box in shown.items()
            if box[0] >= left and box[1] >= top and box[2] <= right and box[3] <= bottom
        ]

    def _box(self, number: int) -> tuple[int, int, int, int]:
        (x, y), (width, height) = self._corners[number], self._sizes[number]
        return x, y, x + width, y + height

    def _rows(self, rooms: list[int], world: list[PlacedMap]) -> list[PlacedMap]:
        """Place ``rooms`` in rows below ``world``."""
        wide = max([NARROWEST, *(one.left + one.width for one in world)])
        left, top = 0, max((one.top + one.height + GAP for one in world), default=0)
        row, placed = 0, []
        for number in rooms:
            width, height = self._sizes[number]
            if left and left + width > wide:
                left, top, row = 0, top + row + GAP, 0
            placed.append(self._put(number, left, top))
            left, row = left + width + GAP, max(row, height)
        return placed

    def _put(self, number: int, left: int, top: int) -> PlacedMap:
        width, height = self._sizes[number]
        return PlacedMap(number, map_name(number), left, top, width, height, number in self._corners)


@lru_cache(maxsize=1)
def _embedded() -> tuple[tuple[Border, ...], Mapping[int, tuple[int, int]]]:
    """Return borders and sizes of the embedded cartridge's maps, from its source texts."""
    maps = load_maps(WORLD)
    numbers = {name: source.number for name, source in maps.items()}
    borders = tuple(
        Border(source.number, side, numbers[connection.map], connection.offset)
        for source in maps.values()
        for side, connection in source.connections.items()
    )
    return borders, {source.number: (source.width, len(source.rows)) for source in maps.values()}
