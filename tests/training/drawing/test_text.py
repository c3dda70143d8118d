"""Tests of pixel text: no text is cut off, and text that does not fit is shortened visibly."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from training.drawing.text import FONT, HEIGHT, shorten, text_mask, text_width, wrap

TEXTS = st.text(string.printable[:95], max_size=60)


@given(TEXTS)
def test_no_pixel_of_a_text_is_cut_off(text: str) -> None:
    large = Image.new("1", (1000, 60))
    ImageDraw.Draw(large).text((20, 20), text, fill=1, font=FONT)
    mask = text_mask(text)
    assert mask.shape[0] == HEIGHT
    assert mask.sum() == np.array(large).sum()


def test_every_letter_is_drawn_and_others_are_question_marks() -> None:
    drawn = {text_mask(letter).tobytes() for letter in string.ascii_letters + string.digits}
    assert len(drawn) == 62, "no two look alike"
    assert np.array_equal(text_mask("Pok\u00e9"), text_mask("Pok?"))
    assert text_mask("").shape == (HEIGHT, 0)


@given(TEXTS, st.integers(10, 200))
def test_shortened_text_fits_and_ends_with_an_ellipsis(text: str, width: int) -> None:
    shown = shorten(text, width)
    assert text_width(shown) <= width
    assert shown == text or (shown.endswith("...") and text.startswith(shown.removesuffix("...")))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ("", "")),
        ("route 1", ("route 1", "")),
        ("market town, tall house, hut on the roof", ("market town, tall house, hut on", "the roof")),
        ("w" * 40, ("w" * 18 + "...", "")),
    ],
)
def test_a_long_text_continues_on_a_second_line(text: str, lines: tuple[str, str]) -> None:
    assert wrap(text, 156, 60) == lines


@given(TEXTS)
def test_both_lines_fit(text: str) -> None:
    first, second = wrap(text, 156, 60)
    assert text_width(first) <= 156
    assert text_width(second) <= 60
