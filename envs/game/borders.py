"""Borders between the maps of towns and routes, and where these maps therefore lie in the world.

Which maps border on each other, and by how much they are shifted, are facts of the game from its public
disassembly (pret/pokered, data/maps/headers), in a table of our own. Every loop of borders closes, which
tests check.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from envs.game.maps import BLOCK

# Map, side on which the other map lies, the other map, and how many blocks of 2 x 2 steps further east
# (north, south) or further south (east, west) the other map begins.
_BORDERS = """
0 north 12 0
0 south 32 0
1 north 13 5
1 south 12 5
1 west 33 4
2 south 13 5
2 east 14 4
14 north 15 25
15 east 3 -4
3 north 35 5
3 south 16 5
3 east 20 4
20 east 21 0
21 south 4 0
4 west 19 0
4 south 23 0
10 north 16 5
10 south 17 5
10 west 18 4
10 east 19 4
17 south 5 -5
5 east 22 4
22 east 23 -27
23 south 24 -20
24 west 25 0
25 west 26 18
26 west 7 -4
7 west 29 4
7 south 30 5
29 north 28 0
28 north 27 0
27 east 6 -4
6 east 18 4
30 west 31 18
31 west 8 0
8 north 32 0
33 north 34 0
34 north 9 0
35 east 36 0
"""
FIRST_MAP = 0
Size = tuple[int, int]
Corner = tuple[int, int]


class Border(NamedTuple):
    """``other`` lies on the ``side`` ("north", ...) of ``one``, and begins ``shift`` steps further along."""

    one: int
    side: str
    other: int
    shift: int


def _borders() -> Iterable[Border]:
    for line in _BORDERS.split("\n"):
        if line:
            one, side, other, blocks = line.split()
            yield Border(int(one), side, int(other), BLOCK * int(blocks))


BORDERS = tuple(_borders())


def corner_beside(border: Border, corner: Corner, sizes: Mapping[int, Size]) -> Corner:
    """Return the north-western corner of the other map, if that of the first is ``corner``: x and y in steps.

    ``sizes`` are width and height of the maps in steps.
    """
    (x, y), (width, height), (wide, high) = corner, sizes[border.one], sizes[border.other]
    return {
        "north": (x + border.shift, y - high),
        "south": (x + border.shift, y + height),
        "west": (x - wide, y + border.shift),
        "east": (x + width, y + border.shift),
    }[border.side]


def corners(borders: Iterable[Border], sizes: Mapping[int, Size]) -> dict[int, Corner]:
    """Return the north-western corners of all maps that ``borders`` connect with the first, in steps east and
    south of its own corner."""
    known = list(borders)
    found, ahead = {FIRST_MAP: (0, 0)}, deque([FIRST_MAP])
    while ahead:
        here = ahead.popleft()
        for border in known:
            other = {border.one: border.other, border.other: border.one}.get(here)
            if other is None or other in found:
                continue
            if border.one == here:
                found[other] = corner_beside(border, found[here], sizes)
            else:
                x, y = corner_beside(border, (0, 0), sizes)
                found[other] = found[here][0] - x, found[here][1] - y
            ahead.append(other)
    return found
