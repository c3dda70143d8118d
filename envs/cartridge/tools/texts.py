"""Encoder of the game's texts: wraps them to the text box and encodes them for the engine.

The box holds two lines of 18 letters. Authors write plain sentences: lines and pages break automatically,
``/`` between spaces starts a new page, and {player}, {rival}, {buffer} insert names (counted as 7 letters).
"""

from __future__ import annotations

import re

LINE = 18
"""Letters in a line of the text box."""
LINES = 2
"""Lines in a page of the text box."""
NAME_LENGTH = 7
CODES = {"player": "\x01", "rival": "\x02", "buffer": "\x03"}
ALLOWED = re.compile(r"[A-Za-z0-9 .,;:!?'()/$*+-]|[\n\f\x01\x02\x03]")


def width(word: str) -> int:
    """Return the number of letters a word takes on the screen, with inserted names at their longest."""
    return sum(NAME_LENGTH if letter in "\x01\x02\x03" else 1 for letter in word)


def wrap(text: str) -> str:
    """Break a text into lines (``\\n``) and pages (``\\f``). Raises ValueError if a word is too long."""
    for name, code in CODES.items():
        text = text.replace("{" + name + "}", code)
    pages: list[str] = []
    for page in re.split(r"\s+/\s+|\f", text.strip()):
        lines = wrap_lines(page)
        pages += ["\n".join(lines[i : i + LINES]) for i in range(0, len(lines), LINES)]
    return "\f".join(pages)


def wrap_lines(page: str) -> list[str]:
    """Wrap one page greedily, keeping the author's own line breaks."""
    lines: list[str] = []
    for paragraph in page.split("\n"):
        line = ""
        for word in paragraph.split():
            if width(word) > LINE:
                raise ValueError(f"the word '{word}' is longer than a line of {LINE} letters")
            if line and width(line) + 1 + width(word) > LINE:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines


def encode(text: str) -> bytes:
    """Encode a text for the engine: ASCII and control codes, with 0 at the end. Raises ValueError."""
    wrapped = wrap(text)
    for letter in wrapped:
        if not ALLOWED.fullmatch(letter):
            raise ValueError(f"the letter '{letter}' is not in the game's font")
    return wrapped.encode("ascii") + b"\0"
