"""Manual play in a window, for play.py: runs frame by frame and saves states when a key is pressed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from envs.errors import UserError
from envs.game.catalog import Game
from envs.game.interventions import keep_text_fast
from envs.game.maps import map_name
from envs.game_boy.emulator import VERSION, Emulator
from envs.game_boy.keyboard import FUNCTION_KEYS
from envs.ram import read_state
from envs.start_states.state_files import StartState, read_state_file, write_state_file

QUICK = "quick"
ENDING = ".state"


class ManualPlay:
    """A game that a person plays in a window.

    ``names`` are the names of the states that F1, F2, ... save to ``folder``. Raises UserError if no window
    can be opened or ``start`` does not load.
    """

    def __init__(
        self,
        game: Game,
        folder: Path,
        names: Sequence[str] = (),
        start: StartState | None = None,
        fast_text: bool = False,
    ) -> None:
        self.game = game
        self.folder = folder
        self.names = {**{key: key for key in FUNCTION_KEYS}, **dict(zip(FUNCTION_KEYS, names, strict=False))}
        self.fast_text = fast_text
        self._from = start.name if start is not None else "power on"
        self.emulator = Emulator(game.rom, window="SDL2", real_speed=True, play=True)
        if start is not None:
            self.emulator.load_state(start.data)

    def frame(self) -> bool:
        """Run one frame and handle the keys pressed in the window; False once the window is closed."""
        self.emulator.tick(1, render=True)
        if self.fast_text:
            keep_text_fast(self.emulator)
        keyboard = self.emulator.keyboard
        while keyboard is not None and keyboard.pressed:
            key = keyboard.pressed.popleft()
            try:
                self._press(key)
            except UserError as error:  # a full disk must not end the game
                print(f"error: {error}", flush=True)
        return self.emulator.running

    def _press(self, key: str) -> None:
        if key == "x":
            start = read_state_file(self.game, self.folder / (QUICK + ENDING))
            self.emulator.load_state(start.data)
            print(f"back at {start.name}", flush=True)
        else:
            path = self.save(QUICK if key == "z" else self.names[key])
            print(f"saved: {self.place()}; begin there with --start {path}", flush=True)

    def place(self) -> str:
        """Return the player's map and coordinates as text."""
        return place_of(self.emulator)

    def save(self, name: str) -> Path:
        """Save a state and its provenance as ``name``. Raises UserError if they cannot be written."""
        path = self.folder / (name if name.endswith(ENDING) else name + ENDING)
        save_start(self.emulator, self.game, path, f"played by hand from {self._from}")
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.emulator.close()


def place_of(emulator: Emulator) -> str:
    """Return the player's map and coordinates as text."""
    state = read_state(emulator.memory)
    return f"{map_name(state.map_id)}, {state.x}, {state.y}"


def save_start(emulator: Emulator, game: Game, path: Path, made_by: str) -> None:
    """Save the emulator's state to ``path``, as a start state with its provenance.

    Raises UserError if the files cannot be written.
    """
    data = emulator.save_state()
    provenance: dict[str, str | int] = {
        "name": path.stem,
        "game": game.name,
        "rom_sha1": game.sha1,
        "emulator": VERSION,
        "made_by": made_by,
        "made_on": datetime.now(UTC).isoformat(timespec="seconds"),
        "place": place_of(emulator),
        "frames": emulator.frame_count,
        "interventions": sum(emulator.interventions.values()),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    write_state_file(path, data, provenance)
