"""Reader of pictures drawn as text: tilesets, people, creatures, font, screen pieces and the title.

One character is one pixel: ``.`` ``-`` ``o`` ``#`` are the shades 0 (lightest; transparent in a sprite) to 3
(darkest). A file is a list of pictures, each a header line and its rows. Lines that start with ``;`` are
comments; blank lines are skipped. Sizes and shades are checked, and errors name file and line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from envs.cartridge.world_text.errors import WorldError

SHADES = ".-o#"
TILESETS = ("outdoor", "indoor", "gym", "cave")
STEP_SIZE = 16
"""Width and height in pixels of a metatile, which is as large as a step."""

Rows = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a text file: the words of its header line, and its rows of shade characters."""

    path: Path
    line: int
    words: tuple[str, ...]
    rows: Rows

    def fail(self, message: str) -> WorldError:
        """Return an error that names this picture."""
        return WorldError(self.path, self.line, f"{' '.join(self.words)!r}: {message}")


def read_pictures(path: Path, header: str) -> list[Picture]:
    """Read every picture in ``path``; a line whose first word is ``header`` starts one.

    Raises WorldError for a row before the first header, and for a character that is not a shade.
    """
    found: list[tuple[int, tuple[str, ...], list[str]]] = []
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), start=1):
        if not line.strip() or line.startswith(";"):
            continue
        words = line.split()
        if words[0] == header:
            found.append((number, tuple(words[1:]), []))
        elif not found:
            raise WorldError(
                path, number, f"a picture starts with {header!r} and its name, not with {line!r}"
            )
        elif set(line) - set(SHADES):
            raise WorldError(path, number, f"a row must consist of the shades {SHADES!r}, not {line!r}")
        else:
            found[-1][2].append(line)
    return [Picture(path, number, words, tuple(rows)) for number, words, rows in found]


def check_size(picture: Picture, width: int, height: int) -> Picture:
    """Return ``picture``; raise WorldError unless it is ``width`` x ``height`` pixels."""
    if len(picture.rows) != height or any(len(row) != width for row in picture.rows):
        widths = sorted({len(row) for row in picture.rows})
        raise picture.fail(
            f"{len(picture.rows)} rows of {widths} pixels; it must be {height} rows of {width}"
        )
    return picture


def read_tileset(world: Path, name: str) -> list[Picture]:
    """Read the metatiles of ``world/tilesets/NAME.txt``, 16 x 16 pixels each, in the order of their index."""
    metatiles = read_pictures(world / "tilesets" / f"{name}.txt", "metatile")
    seen: set[str] = set()
    for metatile in metatiles:
        check_size(metatile, STEP_SIZE, STEP_SIZE)
        if not metatile.words or len(metatile.words[0]) != 1:
            raise metatile.fail("a metatile's name must be one character")
        if metatile.words[0] in seen:
            raise metatile.fail("a second metatile with this character")
        seen.add(metatile.words[0])
    return metatiles
