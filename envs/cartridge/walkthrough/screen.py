"""Reader of words, boxes and cursors on the screen, from wTileMap (20 x 18 tile IDs at 0xC3A0)."""

from __future__ import annotations

from dataclasses import dataclass

from envs.game_boy.memory import Memory

W_TILE_MAP = 0xC3A0
WIDTH, HEIGHT = 20, 18
BOX_CORNER = 0x79
CURSOR = 0xED
BLANK = 0x7F


def letter(tile: int) -> str:
    """Return the character of a tile ID of the font, or a blank."""
    if 0x80 <= tile < 0x9A:
        return chr(ord("A") + tile - 0x80)
    if 0xA0 <= tile < 0xBA:
        return chr(ord("a") + tile - 0xA0)
    if 0xF6 <= tile <= 0xFF:
        return chr(ord("0") + tile - 0xF6)
    return "?" if tile == 0xE6 else " "


@dataclass(frozen=True, slots=True)
class Screen:
    """The tile map at one moment."""

    tiles: tuple[int, ...]

    @classmethod
    def read(cls, memory: Memory) -> Screen:
        """Read the current tile map from memory."""
        return cls(tuple(memory[W_TILE_MAP : W_TILE_MAP + WIDTH * HEIGHT]))

    def row(self, y: int) -> str:
        """Return a row as text; other tiles than letters become blanks."""
        return "".join(letter(tile) for tile in self.tiles[y * WIDTH : (y + 1) * WIDTH])

    def text(self) -> str:
        """Return all rows as text."""
        return "\n".join(self.row(y) for y in range(HEIGHT))

    def shows(self, words: str) -> bool:
        """Whether some row contains these words."""
        return any(words in self.row(y) for y in range(HEIGHT))

    @property
    def has_box(self) -> bool:
        """Whether a text box or a menu is open (maps never use its tile IDs)."""
        return BOX_CORNER in self.tiles

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and row of the lowest, then rightmost menu cursor, which was drawn last, or None."""
        found = [(i % WIDTH, i // WIDTH) for i, tile in enumerate(self.tiles) if tile == CURSOR]
        return found[-1] if found else None
