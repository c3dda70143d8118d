"""Compiler of pictures drawn as text: tilesets, people, creatures, font, screen pieces and the title.

The syntax of the texts is described in world_text/pictures.py. The Game Boy stores an 8 x 8 tile in 16 bytes:
for each row the low bits of the eight shades, then the high bits, with the leftmost pixel in bit 7.
"""

from __future__ import annotations

from pathlib import Path

from envs.cartridge.tools.emit import Output, Table
from envs.cartridge.world_text.errors import WorldError
from envs.cartridge.world_text.pictures import (
    SHADES,
    TILESETS,
    Picture,
    Rows,
    check_size,
    read_pictures,
    read_tileset,
)

ATTRIBUTES = {"walk": 0x01, "grass": 0x02, "water": 0x04, "ledge": 0x08, "counter": 0x10, "cut": 0x20}
"""Words of a metatile's header, and the TILE_* bits of src/world.h they set."""
FRAMES = ("down", "down_walk", "up", "up_walk", "left", "left_walk")
FRONT_SIZE, BACK_SIZE, PERSON_SIZE, TILE_SIZE = 40, 32, 16, 8
TITLE_WIDTH, TITLE_HEIGHT = 160, 64
MAX_TILESET_TILES, MAX_METATILES = 96, 128
FIRST_FONT_ID, FIRST_MISC_ID = 0x80, 0x60


def encode_tile(rows: Rows) -> bytes:
    """Encode an 8 x 8 drawing as the 16 bytes of a tile (two bits per pixel, low plane first in each row)."""
    encoded = bytearray()
    for row in rows:
        shades = [SHADES.index(pixel) for pixel in row]
        encoded.append(sum((shade & 1) << (7 - bit) for bit, shade in enumerate(shades)))
        encoded.append(sum((shade >> 1) << (7 - bit) for bit, shade in enumerate(shades)))
    return bytes(encoded)


def cut_tiles(rows: Rows) -> list[bytes]:
    """Cut a drawing whose sides are multiples of 8 into tiles, row by row from the top left."""
    return [
        encode_tile(tuple(row[x : x + TILE_SIZE] for row in rows[y : y + TILE_SIZE]))
        for y in range(0, len(rows), TILE_SIZE)
        for x in range(0, len(rows[0]), TILE_SIZE)
    ]


class TilePool:
    """Distinct tiles in the order of their first use."""

    def __init__(self) -> None:
        self.tiles: dict[bytes, int] = {}

    def ids(self, rows: Rows) -> bytes:
        """Add a drawing's tiles and return their IDs, one byte each, row by row."""
        return bytes(self.tiles.setdefault(tile, len(self.tiles)) for tile in cut_tiles(rows))

    def data(self) -> bytes:
        """Return all tiles, 16 bytes each."""
        return b"".join(self.tiles)


def attribute_bits(picture: Picture) -> int:
    """Return the TILE_* bits named in a metatile's header (after its character)."""
    unknown = [word for word in picture.words[1:] if word not in ATTRIBUTES]
    if unknown:
        raise picture.fail(f"unknown attribute {unknown[0]!r}; known are {', '.join(ATTRIBUTES)}")
    return sum(ATTRIBUTES[word] for word in set(picture.words[1:]))


def compile_tileset(world: Path, name: str, output: Output) -> None:
    """Add tiles, metatiles, attributes and Tileset structure of ``name``, and the IDs that maps refer to."""
    metatiles = read_tileset(world, name)
    pool = TilePool()
    layout = b"".join(pool.ids(metatile.rows) for metatile in metatiles)
    if len(pool.tiles) > MAX_TILESET_TILES or len(metatiles) > MAX_METATILES:
        raise metatiles[-1].fail(
            f"{len(pool.tiles)} different tiles in {len(metatiles)} metatiles; "
            f"at most {MAX_TILESET_TILES} and {MAX_METATILES} fit"
        )
    attributes = bytes(attribute_bits(metatile) for metatile in metatiles)
    tiles = output.blob(f"tileset_{name}_tiles", pool.data())
    cells = output.blob(f"tileset_{name}_metatiles", layout)
    flags = output.blob(f"tileset_{name}_attributes", attributes)
    output.blob(f"tileset_{name}", [tiles, bytes([len(pool.tiles)]), cells, flags, bytes([len(metatiles)])])
    for index, metatile in enumerate(metatiles):
        code = f"{name.upper()}_{ord(metatile.words[0]):02X}"
        output.ids[f"METATILE_{code}"] = index
        output.ids[f"ATTRIBUTE_{code}"] = attributes[index]


def compile_sprite(path: Path, output: Output) -> str:
    """Add one person (six frames of four tiles, row by row) and return its symbol."""
    frames = read_pictures(path, "frame")
    if tuple(" ".join(frame.words) for frame in frames) != FRAMES:
        raise WorldError(path, 1, f"a person must have the frames {', '.join(FRAMES)}, in this order")
    tiles = [tile for frame in frames for tile in cut_tiles(check_size(frame, PERSON_SIZE, PERSON_SIZE).rows)]
    symbol = f"sprite_{path.stem}"
    output.blob(symbol, b"".join(tiles))
    return symbol


def compile_creature(path: Path, output: Output) -> None:
    """Add the front (40 x 40) and back (32 x 32) picture of a creature."""
    pictures = read_pictures(path, "picture")
    if [picture.words for picture in pictures] != [("front",), ("back",)]:
        raise WorldError(path, 1, "a creature must have the pictures front and back, in this order")
    for picture, size in zip(pictures, (FRONT_SIZE, BACK_SIZE), strict=True):
        tiles = cut_tiles(check_size(picture, size, size).rows)
        output.blob(f"picture_{path.stem}_{picture.words[0]}", b"".join(tiles))


def glyph_id(picture: Picture) -> int:
    """Return the tile ID of a glyph: the hexadecimal number in its header."""
    try:
        return int(picture.words[0], 16)
    except (IndexError, ValueError):
        raise picture.fail("a glyph must start with its tile ID in hexadecimal, such as 80") from None


def compile_glyphs(path: Path, symbol: str, first: int, last: int, output: Output) -> None:
    """Add tiles for the IDs ``first`` .. ``last``; IDs without a drawing are blank."""
    tiles = {number: bytes(2 * TILE_SIZE) for number in range(first, last + 1)}
    for glyph in read_pictures(path, "glyph"):
        number = glyph_id(glyph)
        if number not in tiles:
            raise glyph.fail(f"id {number:#04x} is outside {first:#04x} .. {last:#04x}")
        tiles[number] = encode_tile(check_size(glyph, TILE_SIZE, TILE_SIZE).rows)
    output.blob(symbol, b"".join(tiles.values()))
    output.tables.append(Table(f"far_{symbol}", [symbol], single=True))


def compile_title(path: Path, output: Output) -> None:
    """Add the title: number of tiles (1 byte), 20 x 8 tile IDs from 0 on, the tiles."""
    pictures = read_pictures(path, "picture")
    if len(pictures) != 1:
        raise WorldError(path, 1, f"there are {len(pictures)} pictures; the title must be one")
    pool = TilePool()
    ids = pool.ids(check_size(pictures[0], TITLE_WIDTH, TITLE_HEIGHT).rows)
    if len(pool.tiles) > MAX_TILESET_TILES:
        raise pictures[0].fail(f"{len(pool.tiles)} different tiles; at most {MAX_TILESET_TILES} fit")
    output.blob("title", bytes([len(pool.tiles)]) + ids + pool.data())
    output.tables.append(Table("far_title", ["title"], single=True))


def compile(world: Path) -> Output:
    """Compile every picture in ``world``, with the tables and IDs named in src/world.h and tools/emit.py."""
    output = Output()
    for index, name in enumerate(TILESETS):
        compile_tileset(world, name, output)
        output.ids[f"TILESET_{name.upper()}"] = index
    output.tables.append(Table("far_tilesets", [f"tileset_{name}" for name in TILESETS]))
    people = sorted((world / "sprites").glob("*.txt"))
    for index, path in enumerate(people):
        output.ids[f"SPRITE_{path.stem.upper()}"] = index
    output.tables.append(Table("far_sprites", [compile_sprite(path, output) for path in people]))
    for path in sorted((world / "pictures").glob("*.txt")):
        compile_creature(path, output)
    compile_glyphs(world / "font.txt", "font", FIRST_FONT_ID, 0xFF, output)
    compile_glyphs(world / "misc.txt", "misc", FIRST_MISC_ID, FIRST_FONT_ID - 1, output)
    compile_title(world / "title.txt", output)
    return output
