"""Small pixel text in the font that Pillow ships."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Mask = NDArray[np.bool_]

SIZE = 10  # pixels; the smallest legible size without antialiasing
FONT = ImageFont.load_default(SIZE)
ABOVE = 1  # pixel rows of the font above its highest letters
HEIGHT = 11  # pixels from the highest letters to the lowest descenders
ELLIPSIS = "..."


@lru_cache(maxsize=512)
def text_mask(text: str) -> Mask:
    """Return the pixels of ``text``, bool (HEIGHT, width). The font has only ASCII; others become "?"."""
    drawable = text.encode("ascii", "replace").decode()
    left, _, right, _ = FONT.getbbox(drawable, mode="1")  # letters may begin left of the pen
    picture = Image.new("1", (math.ceil(right - left), HEIGHT))
    ImageDraw.Draw(picture).text((-left, -ABOVE), drawable, fill=1, font=FONT)
    return np.array(picture, np.bool_).reshape(HEIGHT, picture.width)


def text_width(text: str) -> int:
    """Return the width of ``text`` in pixels."""
    return int(text_mask(text).shape[1])


def shorten(text: str, width: int) -> str:
    """Return ``text``, cut with "..." if it does not fit into ``width`` pixels."""
    if text_width(text) <= width:
        return text
    kept = text
    while kept and text_width(kept + ELLIPSIS) > width:
        kept = kept[:-1].rstrip()
    return kept + ELLIPSIS


def wrap(text: str, first: int, second: int) -> tuple[str, str]:
    """Break ``text`` at a space into two lines of ``first`` and ``second`` pixels, shortened if needed."""
    line, rest = "", text.split(" ")
    while rest and text_width(f"{line} {rest[0]}".lstrip()) <= first:
        line = f"{line} {rest.pop(0)}".lstrip()
    if not line and rest:
        line = shorten(rest.pop(0), first)
    return line, shorten(" ".join(rest), second)
