"""What a user may ask to be changed in the running game. Each write goes through ``Emulator.write``, which
counts it, and the count is told at the end of every episode: results with and without are not the same
experiment."""

from __future__ import annotations

from envs.emulator import Emulator
from envs.ram import W_OPTIONS

FAST_TEXT = "fast_text"
TEXT_SPEED = 0x0F  # bits of wOptions: 1 fast, 3 medium, 5 slow
FAST = 1
NO_ANIMATIONS = 0x80


def keep_text_fast(emulator: Emulator) -> None:
    """Set fast text and no battle animations in the game's options, where they are not set already.

    The battle style (bit 6) stays as it is. A new game sets its options itself, so call this again and again.
    """
    options = emulator.memory[W_OPTIONS]
    wanted = options & ~TEXT_SPEED | FAST | NO_ANIMATIONS
    if options != wanted:
        emulator.write(W_OPTIONS, wanted, FAST_TEXT)
