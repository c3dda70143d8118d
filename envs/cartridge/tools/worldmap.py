"""Image of the whole world for the documentation, drawn from the world's texts (standard library only).

A step is 4 x 4 pixels, averaged from its metatile. Each group of maps connected by their edges is drawn as
one picture with the maps in their relative positions; caves follow below.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from pathlib import Path

from envs.cartridge.tools import art
from envs.cartridge.world_text.map_source import FLAGS, MapSource
from envs.cartridge.world_text.maps import load_maps
from envs.cartridge.world_text.pictures import SHADES, STEP_SIZE, TILESETS, Rows, read_pictures, read_tileset

SCALE = 4
"""Width and height of a step in pixels."""
LETTER = 8
START = "HOME_TOWN"
LEVELS = 16
"""Number of greys in the picture; 0 is white, as in the shades."""
GAP = 4 * SCALE
OUTDOOR = FLAGS["outdoor"]
Picture = list[bytearray]


def small(rows: Rows) -> list[bytes]:
    """Scale a metatile down to SCALE rows of SCALE greys, 0 (white) .. 15."""
    side = STEP_SIZE // SCALE
    most = 3 * side * side
    return [
        bytes(
            sum(SHADES.index(rows[y + i][x + j]) for i in range(side) for j in range(side))
            * (LEVELS - 1)
            // most
            for x in range(0, STEP_SIZE, side)
        )
        for y in range(0, STEP_SIZE, side)
    ]


def blank(width: int, height: int, grey: int = 0) -> Picture:
    """Return a picture of one grey."""
    return [bytearray([grey] * width) for _ in range(height)]


def paste(picture: Picture, what: Picture, x: int, y: int) -> None:
    """Draw ``what`` over ``picture``."""
    for i, row in enumerate(what):
        picture[y + i][x : x + len(row)] = row


def draw_map(source: MapSource, tiles: dict[str, list[bytes]]) -> Picture:
    """Draw one map."""
    picture: Picture = []
    for row in source.rows:
        picture += [bytearray(b"".join(tiles[c][i] for c in row.text)) for i in range(SCALE)]
    return picture


def groups(maps: dict[str, MapSource]) -> list[dict[str, tuple[int, int]]]:
    """Return the groups of connected outdoor maps, the home town's first, with the maps' positions."""
    left = [START, *(name for name, source in maps.items() if source.flags & OUTDOOR and name != START)]
    found = []
    while left:
        found.append(places(maps, left[0], frozenset(left)))
        left = [name for name in left if name not in found[-1]]
    return found


def places(maps: dict[str, MapSource], start: str, left: frozenset[str]) -> dict[str, tuple[int, int]]:
    """Return the positions, in steps, of the maps of ``left`` connected to ``start`` by their edges.

    A map that would overlap another is left out.
    """
    found = {start: (0, 0)}
    waiting = deque([start])
    while waiting:
        here = maps[waiting.popleft()]
        for side, to in here.connections.items():
            there = maps[to.map]
            if there.name in found or there.name not in left:
                continue
            x, y = found[here.name]
            if side in ("north", "south"):
                spot = x + to.offset, y - there.height if side == "north" else y + here.height
            else:
                spot = x - there.width if side == "west" else x + here.width, y + to.offset
            if not any(overlap(spot, there, at, maps[name]) for name, at in found.items()):
                found[there.name] = spot
                waiting.append(there.name)
    return found


def overlap(a: tuple[int, int], one: MapSource, b: tuple[int, int], other: MapSource) -> bool:
    """Whether two maps at these positions overlap."""
    return (
        a[0] < b[0] + other.width
        and b[0] < a[0] + one.width
        and a[1] < b[1] + other.height
        and b[1] < a[1] + one.height
    )


class Writer:
    """Writes names on a picture in the game's font."""

    def __init__(self, world: Path) -> None:
        glyphs = read_pictures(world / "font.txt", "glyph")
        self.glyphs = {art.glyph_id(glyph): glyph.rows for glyph in glyphs}

    def write(self, picture: Picture, name: str, x: int, y: int) -> None:
        """Write a name on white, clipped to the picture."""
        for i, letter in enumerate(name.replace("_", " ")):
            code = (
                0x80 + ord(letter) - 65 if letter.isalpha() else 0xF6 + int(letter) if letter.isdigit() else 0
            )
            rows = self.glyphs.get(code, ("." * LETTER,) * LETTER)
            for dy, row in enumerate(rows):
                for dx, pixel in enumerate(row):
                    at = x + LETTER * i + dx
                    if 0 <= y + dy < len(picture) and 0 <= at < len(picture[0]):
                        picture[y + dy][at] = SHADES.index(pixel) * 5


def world_picture(world: Path) -> Picture:
    """Draw the whole world: rows of greys 0 (white) .. 15."""
    maps = load_maps(world)
    tiles = {
        name: {tile.words[0]: small(tile.rows) for tile in read_tileset(world, name)} for name in TILESETS
    }
    pictures = {name: draw_map(source, tiles[source.tileset]) for name, source in maps.items()}
    writer = Writer(world)
    lands = [("", draw_land(maps, group, pictures, writer)) for group in groups(maps)]
    caves = [
        (name, pictures[name]) for name, source in maps.items() if source.wild and not source.flags & OUTDOOR
    ]
    return draw_all([*lands, *caves], writer, max(len(land[0]) for _, land in lands))


def draw_land(
    maps: dict[str, MapSource],
    joined: dict[str, tuple[int, int]],
    pictures: dict[str, Picture],
    writer: Writer,
) -> Picture:
    """Draw connected maps with their names."""
    left, top = min(x for x, _ in joined.values()), min(y for _, y in joined.values())
    right = max(x + maps[name].width for name, (x, _) in joined.items())
    bottom = max(y + maps[name].height for name, (_, y) in joined.items())
    picture = blank((right - left) * SCALE, (bottom - top) * SCALE, LEVELS // 4)
    spots = {name: ((x - left) * SCALE, (y - top) * SCALE) for name, (x, y) in joined.items()}
    for name, (x, y) in spots.items():
        paste(picture, pictures[name], x, y)
    for name, (x, y) in spots.items():
        writer.write(picture, name, x + 2, y + len(pictures[name]) // 2)
    return picture


def draw_all(named: list[tuple[str, Picture]], writer: Writer, width: int) -> Picture:
    """Arrange pictures in rows, each below its name (groups of outdoor maps have none)."""
    whole: Picture = []
    row: list[tuple[str, Picture]] = []
    used = 0
    for name, picture in named:
        if row and used + len(picture[0]) > width:
            whole += draw_row(row, writer, width)
            row, used = [], 0
        row.append((name, picture))
        used += len(picture[0]) + GAP
    return whole + draw_row(row, writer, width)


def draw_row(row: list[tuple[str, Picture]], writer: Writer, width: int) -> Picture:
    """Draw pictures side by side."""
    whole = blank(width, max(len(picture) for _, picture in row) + LETTER + GAP)
    x = 0
    for name, picture in row:
        paste(whole, picture, x, GAP // 2 + LETTER)
        writer.write(whole, name, x, GAP // 2 - 2)
        x += len(picture[0]) + GAP
    return whole


def png(picture: Picture) -> bytes:
    """Encode a picture as a PNG file with four bits per pixel."""
    height, width = len(picture), len(picture[0])
    lines = bytearray()
    for row in picture:
        greys = [LEVELS - 1 - grey for grey in row] + [0] * (width % 2)
        lines += b"\0" + bytes(greys[i] << 4 | greys[i + 1] for i in range(0, len(greys), 2))
    head = struct.pack(">IIBBBBB", width, height, 4, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(lines), 9))
        + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, data: bytes) -> bytes:
    """Encode a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
