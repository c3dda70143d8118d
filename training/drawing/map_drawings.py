"""Pictures of maps with the visited places.

The embedded cartridge's maps are drawn from its source texts. Maps of any other cartridge are plain grids
with the names and sizes of ``envs.game.maps``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from envs.cartridge.world_text.maps import parse_map
from envs.cartridge.world_text.pictures import SHADES, STEP_SIZE, read_tileset
from envs.game.catalog import EMBEDDED_ROM, Game
from envs.game.maps import MAP_NAMES, map_steps

Picture = NDArray[np.uint8]  # (height, width, 3)
Counts = Mapping[tuple[int, int], int]  # (y, x) -> samples

WORLD = EMBEDDED_ROM.parent / "world"
TILE = STEP_SIZE  # pixels of a drawn tile
COLOURS = np.array([(250, 250, 246), (216, 221, 217), (170, 179, 178), (112, 122, 127)], np.uint8)
GRID, FIELD, EDGE = (226, 231, 235), (247, 249, 250), (150, 160, 168)
INK = (34, 48, 60)
# From few to many samples: red, green, blue, and opacity.
HEAT = np.array(
    [(255, 221, 120, 0.55), (250, 150, 70, 0.66), (214, 62, 78, 0.76), (110, 20, 100, 0.86)], np.float64
)
CAPTION = 18  # pixels of the line above a panel
LETTERS = 12
SCALE_LINE = 18  # pixels of the line below a panel, with the scale of its colours
BAR_WIDTH, BAR_HEIGHT = 48, 9


class MapDrawings:
    """Draws the maps of ``game``. Each is drawn once and cached, so memory is bounded by the game's maps."""

    def __init__(self, game: Game, world: Path = WORLD) -> None:
        self._begin(game.map_names, _world_files(world) if game.embedded else {})

    @classmethod
    def of(cls, embedded: bool) -> Self:
        """Return the drawings of the embedded cartridge, or of the game whose cartridge is not at hand."""
        drawings = cls.__new__(cls)
        drawings._begin(MAP_NAMES, _world_files(WORLD) if embedded else {})
        return drawings

    def _begin(self, names: Mapping[int, str], world: dict[int, Path]) -> None:
        self._names, self._world = names, world
        self._drawn: dict[int, Picture] = {}
        self._tiles: dict[str, dict[str, Picture]] = {}

    def name(self, map_id: int) -> str:
        """Return the map's name, or "map N"."""
        return self._names.get(map_id, f"map {map_id}")

    def panel(self, map_id: int, counts: Counts, scale: int) -> Picture:
        """Draw the map with its visited places, ``scale`` pixels per tile, under its name and samples, and
        above a scale of the colours in samples per tile."""
        heated = heat(self.drawing(map_id, counts), counts)
        size = heated.shape[1] // TILE * scale, heated.shape[0] // TILE * scale
        small = Image.fromarray(heated).resize(size, Image.Resampling.BOX)
        captions = self.name(map_id), f"{sum(counts.values()):,}"
        return _captioned(small, *captions, max(counts.values(), default=0))

    def drawing(self, map_id: int, counts: Counts) -> Picture:
        """Draw the map alone, TILE pixels per tile. A map of unknown size is as large as ``counts``."""
        steps = map_steps(map_id)
        if steps is None:
            return _grid(1 + max(x for _, x in counts), 1 + max(y for y, _ in counts))
        if map_id not in self._drawn:
            path = self._world.get(map_id)
            self._drawn[map_id] = self._from_text(path) if path else _grid(*steps)
        return self._drawn[map_id]

    def _from_text(self, path: Path) -> Picture:
        source = parse_map(path)
        tiles = self._tileset(path.parent.parent, source.tileset)
        return np.vstack([np.hstack([tiles[letter] for letter in row.text]) for row in source.rows])

    def _tileset(self, world: Path, name: str) -> dict[str, Picture]:
        """Return the picture (TILE, TILE, 3) of each letter of a layout."""
        if name not in self._tiles:
            self._tiles[name] = {
                tile.words[0]: COLOURS[[[SHADES.index(pixel) for pixel in row] for row in tile.rows]]
                for tile in read_tileset(world, name)
            }
        return self._tiles[name]


def _world_files(world: Path) -> dict[int, Path]:
    """Return the file of each map by its number; empty if the texts are not installed."""
    files = {}
    for path in (world / "maps").glob("*.txt"):
        words = path.read_text("utf-8").split(maxsplit=2)
        if len(words) > 1 and words[1].isdigit():
            files[int(words[1])] = path
    return files


def _grid(width: int, height: int) -> Picture:
    """Draw a plain map of ``width`` x ``height`` tiles."""
    picture = np.full((height * TILE, width * TILE, 3), FIELD, np.uint8)
    picture[::TILE], picture[:, ::TILE] = GRID, GRID
    picture[[0, -1]], picture[:, [0, -1]] = EDGE, EDGE
    return picture


def heat(drawing: Picture, counts: Counts) -> Picture:
    """Colour every visited tile by the logarithm of its samples relative to the busiest tile's.

    Places off the map, which occur for a moment while maps change, are left out.
    """
    height, width = drawing.shape[0] // TILE, drawing.shape[1] // TILE
    picture = drawing.copy()
    most = math.log1p(max(counts.values(), default=0)) or 1.0
    for (y, x), count in counts.items():
        if y < height and x < width:
            *colour, cover = heat_colour(math.log1p(count) / most)
            tile = picture[y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE]
            tile[:] = tile * (1 - cover) + np.array(colour) * cover
    return picture


def heat_colour(share: float) -> tuple[float, float, float, float]:
    """Return red, green, blue (0 to 255) and opacity (0 to 1) for a share (0 to 1) of the busiest place."""
    place = np.linspace(0, 1, len(HEAT))
    red, green, blue, cover = (float(np.interp(share, place, HEAT[:, part])) for part in range(4))
    return red, green, blue, cover


def _captioned(picture: Image.Image, name: str, samples: str, most: int) -> Picture:
    font = ImageFont.load_default(LETTERS)
    wide = max(picture.width, math.ceil(font.getlength(f"{name}  {samples}")) + 2)
    whole = Image.new("RGB", (wide, picture.height + CAPTION + SCALE_LINE), (255, 255, 255))
    whole.paste(picture, (0, CAPTION))
    pen = ImageDraw.Draw(whole)
    pen.text((0, 1), name, fill=INK, font=font)
    pen.text((wide - 1, 1), samples, fill=EDGE, font=font, anchor="ra")
    _draw_scale(whole, font, most)
    return np.asarray(whole)


def _draw_scale(whole: Image.Image, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, most: int) -> None:
    """Draw the colours from one sample on a tile to ``most`` into the last line of a panel."""
    pen, top = ImageDraw.Draw(whole), whole.height - SCALE_LINE + 4
    pen.text((0, top - 3), "1", fill=EDGE, font=font)
    left = math.ceil(font.getlength("1")) + 4
    for x in range(BAR_WIDTH):
        red, green, blue, cover = heat_colour(x / (BAR_WIDTH - 1))
        mixed = tuple(round(255 * (1 - cover) + part * cover) for part in (red, green, blue))
        pen.line((left + x, top, left + x, top + BAR_HEIGHT - 1), fill=mixed)
    pen.text((left + BAR_WIDTH + 4, top - 3), f"{most:,} a tile", fill=EDGE, font=font)
