"""Keyboard of a game window: keys for the harness, and keys passed on to PyBoy."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Collection
from typing import Any

from envs.errors import UserError
from envs.game_boy.held_buttons import HeldButtons

FUNCTION_KEYS = tuple(f"f{n}" for n in range(1, 11))  # F11 toggles full screen
OWN_KEYS = (*FUNCTION_KEYS, "z", "x")
BUTTON_KEYS = {
    **{name: name for name in ("up", "down", "left", "right", "a")},
    "s": "b",
    "return": "start",
}
"""Keys that press buttons of an agent; they are PyBoy's."""
WATCHERS_KEYS = ("escape", "p", "space", "f11")  # leave, pause, speed, full screen


def require_windows() -> None:
    """Raise UserError if the library that opens windows is missing or cannot be used."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Using SDL2 binaries")
            import sdl2  # noqa: F401 - to see whether it works
    except (ImportError, OSError) as error:
        text = " ".join(str(error).split())
        raise UserError(
            f"a window needs the package pysdl2, which cannot be used here ({text});"
            " pip install -r requirements.txt"
        ) from None


class Keyboard:
    """Event filter between SDL and PyBoy.

    It withholds and collects the keys ``own``, by default F1 to F10, Z and X (which PyBoy would use for a
    state file beside the ROM). Without ``play`` it lets only WATCHERS_KEYS through.
    """

    def __init__(self, play: bool, own: Collection[str] = OWN_KEYS) -> None:
        with warnings.catch_warnings():
            # The library warns on import about the origin of its binaries.
            warnings.filterwarnings("ignore", message="Using SDL2 binaries")
            import sdl2

        self._sdl = sdl2
        self._play = play
        self._own = frozenset(own)
        self.pressed: deque[str] = deque(maxlen=64)
        """Names of own keys in the order they were pressed; the handler of a key removes it."""
        self.buttons = HeldButtons()
        """Buttons whose keys are down."""
        self.closing = False
        """Whether the user asked to close the window; the emulator notices it with its next frame."""
        self._filter = sdl2.SDL_EventFilter(self._pass)  # kept because SDL holds no reference to it
        sdl2.SDL_SetEventFilter(self._filter, None)

    def button(self) -> str | None:
        """Return the button whose key was pressed last since the last call, or is still held, or None."""
        return self.buttons.take()

    def wait(self, seconds: float) -> None:
        """Take in the keys pressed within ``seconds``, while no frames are run."""
        self._sdl.SDL_Delay(round(1000 * seconds))
        self._sdl.SDL_PumpEvents()

    def close(self) -> None:
        """Remove the filter, so that every event passes again."""
        self._sdl.SDL_SetEventFilter(self._sdl.SDL_EventFilter(), None)

    def _pass(self, _: Any, event: Any) -> int:
        """SDL's filter function: 1 lets the event through."""
        kind = event.contents.type
        self.closing |= kind == self._sdl.SDL_QUIT
        if kind not in (self._sdl.SDL_KEYDOWN, self._sdl.SDL_KEYUP):
            return 1
        key = event.contents.key
        name = self._sdl.SDL_GetKeyName(key.keysym.sym).decode("utf-8", "replace").lower()
        self.closing |= name == "escape" and kind == self._sdl.SDL_KEYUP
        if name in self._own:
            if kind == self._sdl.SDL_KEYDOWN and not key.repeat:
                self.pressed.append(name)
            return 0
        if name in BUTTON_KEYS and not key.repeat:
            self.buttons.follow(BUTTON_KEYS[name], kind == self._sdl.SDL_KEYDOWN)
        return int(self._play or name in WATCHERS_KEYS)
