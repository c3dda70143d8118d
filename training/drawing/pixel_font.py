"""Text of a few pixels: the embedded cartridge's letters, made thin."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from envs.cartridge.tools.art import read_pictures
from envs.game.catalog import EMBEDDED_ROM

HEIGHT = 8  # pixels of a line
SPACE = 3  # pixels
FONT = EMBEDDED_ROM.parent / "world" / "font.txt"
UNKNOWN = "?"
# Strokes are two pixels wide, of which the right one stays. These letters lose more than that by it.
REDRAWN = {
    "m": "..... ..... ####. #.#.# #.#.# #.#.# #.#.# .....",
    "w": "..... ..... #...# #...# #.#.# #.#.# .#.#. .....",
    "M": "#...# ##.## #.#.# #.#.# #...# #...# #...# .....",
    "N": "#...# ##..# #.#.# #..## #...# #...# #...# .....",
    "W": "#...# #...# #...# #.#.# #.#.# ##.## #...# .....",
}
Mask = NDArray[np.bool_]


def _mask(rows: tuple[str, ...]) -> Mask:
    return np.array([[shade == "#" for shade in row] for row in rows])


@cache
def _glyphs() -> dict[str, Mask]:
    """Each character as a mask (8, width), with a column of space after it."""
    glyphs = {" ": np.zeros((HEIGHT, SPACE), np.bool_)}
    for picture in read_pictures(FONT, "glyph"):
        character, mask = picture.words[-1], _mask(picture.rows)
        mask = mask[:, :-1] & mask[:, 1:]
        used = np.flatnonzero(mask.any(axis=0))
        if len(character) == 1 and used.size:
            glyphs[character] = np.pad(mask[:, used[0] : used[-1] + 1], ((0, 0), (0, 1)))
    for character, rows in REDRAWN.items():
        glyphs[character] = np.pad(_mask(tuple(rows.split())), ((0, 0), (0, 1)))
    return glyphs


@lru_cache(maxsize=512)
def text_mask(text: str, width: int) -> Mask:
    """Where the pixels of ``text`` are: bool (8, at most ``width``); what does not fit is cut off."""
    glyphs = _glyphs()
    masks = [glyphs.get(character, glyphs[UNKNOWN]) for character in text]
    mask: Mask = np.concatenate([np.zeros((HEIGHT, 0), np.bool_), *masks], axis=1)[:, :width]
    return mask
