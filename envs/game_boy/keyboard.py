"""The keyboard of a game window: which keys reach the game, and which are ours."""

from __future__ import annotations

import warnings
from collections import deque
from typing import Any

FUNCTION_KEYS = tuple(f"f{n}" for n in range(1, 11))  # F11 is the full screen
OWN_KEYS = (*FUNCTION_KEYS, "z", "x")
WATCHERS_KEYS = ("escape", "p", "space", "f11")  # leave, pause, speed, full screen


class Keyboard:
    """Stands between SDL and PyBoy: keeps our own keys, and all but a few while nobody plays.

    Own keys are F1 to F10, Z and X (which PyBoy would use for a state file beside the ROM).
    """

    def __init__(self, play: bool) -> None:
        with warnings.catch_warnings():
            # The library tells on import where its binaries come from.
            warnings.filterwarnings("ignore", message="Using SDL2 binaries")
            import sdl2

        self._sdl = sdl2
        self._play = play
        self.pressed: deque[str] = deque(maxlen=64)
        """Names of our own keys in the order they were pressed; whoever handles one takes it out."""
        self._filter = sdl2.SDL_EventFilter(self._pass)  # kept: SDL holds no reference of its own
        sdl2.SDL_SetEventFilter(self._filter, None)

    def close(self) -> None:
        """Let every event through again."""
        self._sdl.SDL_SetEventFilter(self._sdl.SDL_EventFilter(), None)

    def _pass(self, _: Any, event: Any) -> int:
        """What SDL asks of every event: 1 to let it through."""
        kind = event.contents.type
        if kind not in (self._sdl.SDL_KEYDOWN, self._sdl.SDL_KEYUP):
            return 1
        key = event.contents.key
        name = self._sdl.SDL_GetKeyName(key.keysym.sym).decode("utf-8", "replace").lower()
        if name in OWN_KEYS:
            if kind == self._sdl.SDL_KEYDOWN and not key.repeat:
                self.pressed.append(name)
            return 0
        return int(self._play or name in WATCHERS_KEYS)
