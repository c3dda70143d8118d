"""Preview sheets of all drawings: ``python3 -m envs.cartridge.tools.preview [SCALE]``.

Writes PNG files to ``build/preview/`` (needs NumPy and Pillow, unlike the build itself): every tileset with a
sample of each metatile, all people, creatures, the font, the screen pieces and the title.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.cartridge.tools import art
from envs.cartridge.world_text.pictures import SHADES, TILESETS, Picture, Rows, read_pictures, read_tileset

CARTRIDGE = Path(__file__).resolve().parent.parent
GREYS = np.array([255, 170, 85, 0], dtype=np.uint8)
SPRITE_GREYS = np.array([210, 255, 130, 0], dtype=np.uint8)
"""Transparent pixels are shown darker than a sprite's lightest shade."""

Grey = NDArray[np.uint8]


def pixels(rows: Rows, greys: Grey = GREYS) -> Grey:
    """Return a drawing as grey values: uint8 (height, width)."""
    shades = np.array([[SHADES.index(pixel) for pixel in row] for row in rows], dtype=np.uint8)
    return greys[shades]


def sheet(pictures: Iterable[Grey], columns: int, gap: int = 2) -> Grey:
    """Arrange pictures of one size in rows of ``columns``, ``gap`` pixels apart, on mid grey."""
    cells = list(pictures)
    height, width = cells[0].shape
    rows = -(-len(cells) // columns)
    whole = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap), 128, dtype=np.uint8)
    for index, cell in enumerate(cells):
        y, x = (index // columns) * (height + gap) + gap, (index % columns) * (width + gap) + gap
        whole[y : y + height, x : x + width] = cell
    return whole


def sheets(world: Path) -> dict[str, Grey]:
    """Draw every sheet, by name."""
    found = {}
    for name in TILESETS:
        found[name] = sheet((np.tile(pixels(m.rows), (2, 2)) for m in read_tileset(world, name)), 6)
    people = sorted((world / "sprites").glob("*.txt"))
    frames = [frame for path in people for frame in read_pictures(path, "frame")]
    found["people"] = sheet((pixels(frame.rows, SPRITE_GREYS) for frame in frames), 2 * len(art.FRAMES))
    drawn = [picture for path in sorted((world / "pictures").glob("*.txt")) for picture in creature(path)]
    found["creatures"] = sheet((square(picture) for picture in drawn), 6)
    for name in ("font", "misc"):
        found[name] = sheet((pixels(g.rows) for g in read_pictures(world / f"{name}.txt", "glyph")), 16)
    found["title"] = sheet([pixels(read_pictures(world / "title.txt", "picture")[0].rows)], 1)
    return found


def creature(path: Path) -> list[Picture]:
    """Read the front and the back picture of a creature's file."""
    return read_pictures(path, "picture")


def square(picture: Picture) -> Grey:
    """Draw a creature's picture on a white 40 x 40 square, at the bottom left."""
    whole = np.full((art.FRONT_SIZE, art.FRONT_SIZE), 255, dtype=np.uint8)
    drawn = pixels(picture.rows)
    whole[art.FRONT_SIZE - drawn.shape[0] :, : drawn.shape[1]] = drawn
    return whole


def main() -> None:
    """Write the sheets and print their folder."""
    parser = argparse.ArgumentParser(description="Write sheets of all drawings as PNG files.")
    parser.add_argument("scale", nargs="?", type=int, default=4, help="screen pixels per pixel (default 4)")
    scale = parser.parse_args().scale
    target = CARTRIDGE / "build" / "preview"
    target.mkdir(parents=True, exist_ok=True)
    for name, whole in sheets(CARTRIDGE / "world").items():
        Image.fromarray(whole.repeat(scale, axis=0).repeat(scale, axis=1)).save(target / f"{name}.png")
    print(f"wrote sheets to {target}")


if __name__ == "__main__":
    main()
