"""Where things are: the maps by name and size, one sheet for each map id, and the order in which maps are
passed through. The ids are the game's, the names are our own.
"""

from __future__ import annotations

from dataclasses import dataclass

from envs.place_table import TABLE

MAP_IDS = 256  # the id is one byte
UNKNOWN_SIDE = 256  # steps: room for every coordinate, which is one byte too
BLOCK = 2  # steps in a block, both ways
MARGIN = 1  # step round each sheet, for coordinates just off the map while it changes
ATLAS_WIDTH = 1024  # steps


@dataclass(frozen=True, slots=True)
class Sheet:
    """The part of the atlas that belongs to one map id, margins included.

    ``width`` and ``height`` are the map's in steps, ``left`` and ``top`` where its tile (0, 0) lies in the
    atlas.
    """

    map_id: int
    name: str
    width: int
    height: int
    left: int
    top: int

    @property
    def known(self) -> bool:
        """Whether the map is in the table; the sheet of an unknown one takes every coordinate."""
        return self.map_id in MAP_SIZES


def _rows() -> list[tuple[int, int, int, str]]:
    lines = [line.split(maxsplit=3) for line in TABLE.splitlines() if line and not line.startswith("#")]
    return [(int(number), int(width), int(height), name) for number, width, height, name in lines]


MAP_NAMES: dict[int, str] = {number: name for number, _, _, name in _rows()}
MAP_SIZES: dict[int, tuple[int, int]] = {number: (width, height) for number, width, height, _ in _rows()}
"""Map id: width and height in blocks of 2 x 2 steps."""

PROGRESS_ORDER = (40, 0, 12, 1, 13, 51, 2, 54, 14, 59, 60, 61, 15, 3, 65)
"""Map ids on the way to the second badge, in order of progress."""
LATER_ORDER = (
    *(35, 36, 88, 16, 119, 17, 5, 94, 95, 101, 92),  # inventor, ship, third badge
    *(20, 21, 82, 232, 4, 19, 121, 18, 6, 134, 135, 199, 202),  # dark cave to the fourth badge, hideout
    *(142, 148, 10, 181, 235, 178, 23, 24, 25, 26, 7, 220, 222, 157),  # tower, capital, park
    *(30, 31, 8, 165, 166, 45),  # island, home of the eighth gym
    *(33, 193, 34, 108, 194, 198, 9, 174, 245, 246, 247, 113, 120, 118),  # to the hall of fame
)
"""Map ids of the rest of the game, in the order that most players take."""


def map_name(map_id: int) -> str:
    """The name of a map, or "map N" where it has none."""
    return MAP_NAMES.get(map_id, f"map {map_id}")


def _steps(map_id: int) -> tuple[int, int]:
    if map_id not in MAP_SIZES:
        return UNKNOWN_SIDE, UNKNOWN_SIDE
    width, height = MAP_SIZES[map_id]
    return BLOCK * width, BLOCK * height


def _lay_out() -> tuple[tuple[Sheet, ...], int]:
    """Shelves from the tallest sheets to the lowest; no two sheets share a step."""
    order = sorted(range(MAP_IDS), key=lambda map_id: (-_steps(map_id)[1], map_id))
    sheets: dict[int, Sheet] = {}
    left = top = shelf = 0
    for map_id in order:
        width, height = _steps(map_id)
        if left + width + 2 * MARGIN > ATLAS_WIDTH:
            left, top, shelf = 0, top + shelf, 0
        sheets[map_id] = Sheet(map_id, map_name(map_id), width, height, left + MARGIN, top + MARGIN)
        left += width + 2 * MARGIN
        shelf = max(shelf, height + 2 * MARGIN)
    return tuple(sheets[map_id] for map_id in range(MAP_IDS)), top + shelf


SHEETS, ATLAS_HEIGHT = _lay_out()
"""The sheet of each map id, and the height of the atlas in steps."""


def atlas_position(map_id: int, x: int, y: int) -> tuple[int, int]:
    """(row, column) in the atlas of a tile (steps) of a map; never on another map's sheet.

    Coordinates off a known map (they are, for a moment, while maps change) fall on the sheet's margin. Raises
    IndexError for a map id that is no byte.
    """
    if not 0 <= map_id < MAP_IDS:
        raise IndexError(f"map id {map_id}: must be 0 to {MAP_IDS - 1}")
    sheet = SHEETS[map_id]
    row = sheet.top + min(max(y, -MARGIN), sheet.height - 1 + MARGIN)
    return row, sheet.left + min(max(x, -MARGIN), sheet.width - 1 + MARGIN)
