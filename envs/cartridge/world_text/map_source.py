"""Contents of the map files in ``world/maps/``: one text file per map with layout, people, warps, scripts.

A file consists of lines ``keyword arguments``; ``#`` starts a comment outside layouts and texts::

    map 37 HOUSE                      number and name
    tileset indoor                    tileset of the layout's characters
    border #                          character drawn outside the layout
    flags town                        any of outdoor, town, dark
    connect north ROUTE_1 0           side, map, offset in steps: x there = x here - offset (west, east: y)
    wild 25 RODENT:2 BIRD:3 ...       rate, then ten slots species:level from common to rare
    entry SCRIPT                      runs after the map is entered
    warp 3 7 HOME_TOWN 5 6 down       from x y to map x y facing
    sign 1 2 SCRIPT                   runs when A is pressed in front of it
    trigger 8 0 2 1 unless EVENT SCRIPT     a rectangle x y w h
    object NAME SPRITE x y facing MOVEMENT script SCRIPT [show EVENT] [hide EVENT]
    object NAME SPRITE x y facing MOVEMENT trainer TRAINER SIGHT [show EVENT] [hide EVENT]
    object NAME SPRITE x y facing MOVEMENT boulder | found ITEM EVENT
    hidden 4 5 ITEM EVENT             pressing A in front of it finds the item, once
    layout                            rows at step resolution up to ``end``
    script NAME                       indented lines up to ``end`` in the first column, see tools/scripts.py
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from envs.cartridge.world_text.errors import WorldError

FACINGS = {"down": 0x0, "up": 0x4, "left": 0x8, "right": 0xC}
"""Values of wSpritePlayerStateData1FacingDirection (0xC109)."""
DIRECTIONS = {"down": 0, "up": 1, "left": 2, "right": 3}
"""Values in the scripts' walk and face operations."""
MOVEMENTS = {"still": 0, "wander": 1, "spin": 2}
FLAGS = {"outdoor": 1, "dark": 2, "town": 4}
SIDES = ("north", "south", "west", "east")
WILD_SLOTS = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: path, line number and text without trailing blanks."""

    path: Path
    number: int
    text: str

    @property
    def words(self) -> list[str]:
        """The words of the line."""
        return self.text.split()

    def error(self, message: str) -> WorldError:
        """Return an error that names this line."""
        return WorldError(self.path, self.number, message)


@dataclass(frozen=True, slots=True)
class WarpSource:
    """A step that ends on (x, y) leads to (dest_x, dest_y) of ``map``."""

    line: Line
    x: int
    y: int
    map: str
    dest_x: int
    dest_y: int
    facing: str


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """A person or a thing.

    ``kind`` is "script", "trainer" or "boulder", and ``arg`` the name of the script or trainer.
    """

    line: Line
    name: str
    sprite: str
    x: int
    y: int
    facing: str
    movement: str
    kind: str
    arg: str
    sight: int
    show: str | None
    hide: str | None


@dataclass(frozen=True, slots=True)
class SignSource:
    """Pressing A in front of (x, y) runs ``script``."""

    line: Line
    x: int
    y: int
    script: str


@dataclass(frozen=True, slots=True)
class TriggerSource:
    """A step that ends inside the rectangle runs ``script``, unless the event ``unless`` has happened."""

    line: Line
    x: int
    y: int
    w: int
    h: int
    unless: str | None
    script: str


@dataclass(frozen=True, slots=True)
class ConnectionSource:
    """Walking off one side of the map leads to ``map``."""

    line: Line
    map: str
    offset: int


@dataclass(slots=True)
class MapSource:
    """One map file, with valid syntax but not yet checked against other files."""

    line: Line
    number: int
    name: str
    tileset: str = ""
    border: str = ""
    flags: int = 0
    rows: list[Line] = field(default_factory=list)
    connections: dict[str, ConnectionSource] = field(default_factory=dict)
    warps: list[WarpSource] = field(default_factory=list)
    objects: list[ObjectSource] = field(default_factory=list)
    signs: list[SignSource] = field(default_factory=list)
    triggers: list[TriggerSource] = field(default_factory=list)
    wild_rate: int = 0
    wild: list[tuple[str, int]] = field(default_factory=list)
    wild_line: Line | None = None
    entry: tuple[Line, str] | None = None
    scripts: dict[str, list[Line]] = field(default_factory=dict)
    script_lines: dict[str, Line] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Steps from west to east."""
        return len(self.rows[0].text)

    @property
    def height(self) -> int:
        """Steps from north to south."""
        return len(self.rows)

    def at(self, x: int, y: int) -> str:
        """Return the layout's character at a step."""
        return self.rows[y].text[x]

    def inside(self, x: int, y: int) -> bool:
        """Whether the step lies on the map."""
        return 0 <= y < self.height and 0 <= x < self.width

    def script_id(self, name: str) -> str:
        """Return the name of one of this map's scripts in ids.h."""
        return f"SCRIPT_{self.name}_{name.upper()}"


def number(line: Line, word: str, low: int = 0, high: int = 255) -> int:
    """Parse an integer. Raises WorldError outside low..high."""
    if not word.lstrip("-").isdigit() or not low <= int(word) <= high:
        raise line.error(f"'{word}' should be a number of {low} to {high}")
    return int(word)


def choice(line: Line, word: str, allowed: dict[str, int]) -> str:
    """Return ``word``. Raises WorldError if it is not among ``allowed``."""
    if word not in allowed:
        raise line.error(f"'{word}' should be one of {', '.join(allowed)}")
    return word
