"""An emulator that hands pictures of its actions to a camera, such as a video or a web page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.game_boy.emulator import LCD_CONTROL, LCD_ON, Emulator

Screen = NDArray[np.uint8]  # (144, 160)
PATIENCE = 4
"""Frames to wait for a picture that stands still. The game redraws a screen in thirds, one each frame (public
disassembly, pret/pokered, home/vcopy.asm, AutoBgMapTransfer)."""


class FilmedEmulator(Emulator):
    """An Emulator that passes about every ``every``-th frame of its actions to ``show``.

    A picture that is half redrawn is passed over if one follows soon: if the screen is off, or differs from
    the frame before, the first of the next frames is taken that is on and like the one before it. Where
    none of them is, because the picture scrolls, it is the frame that was due.
    """

    def __init__(
        self, rom: Path | str, show: Callable[[Screen], None], every: int, *, sound: bool = False
    ) -> None:
        super().__init__(rom, sound=sound)
        self._show, self._every = show, every
        self._patience = min(PATIENCE, every - 1)
        self._frame, self._due = 0, every
        self._before: Screen | None = None
        self._first: Screen | None = None  # the frame that was due

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        """Emulator.act in parts that end when a picture is due, the button is released or the action ends."""
        self.actions += 1
        if button is not None:
            self.press(button)
        held, passed = min(held, frames), 0
        while passed < frames:
            stops = [max(1, self._due - 1 - self._frame), frames - passed]
            if button is not None and passed < held:
                stops.append(held - passed)
            part = min(stops)
            self.tick(part, render=True)
            passed, self._frame = passed + part, self._frame + part
            if button is not None and passed == held:
                self.release(button)
            if self._frame >= self._due - 1:
                self._look()

    def _look(self) -> None:
        """Look at a frame that is due, or just before."""
        now = self.screen()
        if self._frame >= self._due:
            self._first = now if self._first is None else self._first
            late = self._frame - self._due >= self._patience
            if late or self._stands_still(now):
                self._show(now if self._stands_still(now) else self._first)
                self._due, self._first = self._due + self._every, None
        self._before = now

    def _stands_still(self, now: Screen) -> bool:
        on = bool(self.memory[LCD_CONTROL] & LCD_ON)
        return on and self._before is not None and np.array_equal(now, self._before)
