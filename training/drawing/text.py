"""Text of a few pixels, in the font that Pillow ships."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Mask = NDArray[np.bool_]

SIZE = 10  # pixels; the smallest whose letters and digits stay apart without shades of grey
FONT = ImageFont.load_default(SIZE)
ABOVE = 1  # pixel rows of the font above its highest letters
HEIGHT = 11  # pixels from the highest letters to what hangs lowest
ELLIPSIS = "..."


@lru_cache(maxsize=512)
def text_mask(text: str) -> Mask:
    """Where the pixels of ``text`` are: bool (HEIGHT, width). The font has ASCII alone; "?" is for others."""
    drawable = text.encode("ascii", "replace").decode()
    left, _, right, _ = FONT.getbbox(drawable, mode="1")  # letters may begin left of where the pen is
    picture = Image.new("1", (math.ceil(right - left), HEIGHT))
    ImageDraw.Draw(picture).text((-left, -ABOVE), drawable, fill=1, font=FONT)
    return np.array(picture, np.bool_).reshape(HEIGHT, picture.width)


def text_width(text: str) -> int:
    """Pixels that ``text`` takes in a row."""
    return int(text_mask(text).shape[1])


def shorten(text: str, width: int) -> str:
    """``text`` if it fits into ``width`` pixels, else as much of it as fits, and "..."."""
    if text_width(text) <= width:
        return text
    kept = text
    while kept and text_width(kept + ELLIPSIS) > width:
        kept = kept[:-1].rstrip()
    return kept + ELLIPSIS


def wrap(text: str, first: int, second: int) -> tuple[str, str]:
    """``text`` in two lines of so many pixels, parted at a blank; what does not fit then is shortened."""
    line, rest = "", text.split(" ")
    while rest and text_width(f"{line} {rest[0]}".lstrip()) <= first:
        line = f"{line} {rest.pop(0)}".lstrip()
    if not line and rest:
        line = shorten(rest.pop(0), first)
    return line, shorten(" ".join(rest), second)
