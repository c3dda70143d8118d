"""The Game Boy emulator: boots a cartridge, presses buttons, runs frames, saves and loads states.

It gives access to the screen and the memory, and never reads or writes a battery file. No other file imports
PyBoy.
"""

from __future__ import annotations

import importlib.metadata
import io
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    # PyBoy's window library warns on import about the origin of its binaries; no window is opened here.
    warnings.filterwarnings("ignore", message="Using SDL2 binaries")
    from pyboy import PyBoy
    from pyboy.utils import PyBoyException

from envs.errors import UserError
from envs.files import inflate
from envs.game_boy.keyboard import OWN_KEYS, Keyboard, require_windows
from envs.game_boy.memory import Memory, QuickMemory, find_work_ram
from envs.game_boy.rom import Rom, read_rom
from envs.game_boy.state_check import SELECT_ROM_BANK, StateCheck, make_state_check

BUTTONS = ("down", "left", "right", "up", "a", "b", "start")
"""Buttons of an agent; action n presses BUTTONS[n]."""
ALL_BUTTONS = (*BUTTONS, "select")
KIND_OF_CARTRIDGE = slice(0x147, 0x14A)  # memory controller, sizes of ROM and RAM
FRAMES_PER_SECOND = 60  # 59.73 exactly (Pan Docs, "Rendering")
LCD_CONTROL, LCD_ON = 0xFF40, 0x80  # register and bit (Pan Docs, "LCD Control")
MAX_STATE = 1 << 20  # bytes; a state with 128 KiB of cartridge RAM has 0.3 million
VERSION = f"pyboy-{importlib.metadata.version('pyboy')}"
"""States depend on the emulator's version, so it is part of their provenance and of the cache's path."""

_checks: dict[tuple[bytes, int], StateCheck] = {}  # by kind of cartridge


def _halved(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return a view of pairs of pixels in every second row: the grey of the first is the lowest byte of each.

    Converting them to single bytes takes two thirds of the time of collecting single bytes.
    """
    words: NDArray[np.uint32] = pixels.view("<u4")[:, :, 0]
    return words.view("<u8")[::2]


def _switched_on(cartridge: Rom, sound: bool, window: str) -> PyBoy:
    """Return a machine that was just switched on. Raises UserError."""
    try:
        # With a file object instead of a path, PyBoy does not look for a battery file.
        return PyBoy(
            io.BytesIO(cartridge.data),
            window=window,
            sound_emulated=sound,
            cgb=False,
            log_level="CRITICAL",
            no_input=window == "null",
        )
    except PyBoyException as error:
        raise UserError(f"ROM {cartridge.path}: the emulator cannot play it ({error})") from error


class Emulator:
    """One Game Boy with one cartridge, just switched on.

    Args:
        rom: Path of the cartridge's ROM.
        sound: Emulate the sound hardware, which nothing here needs and which multiplies the run time by 1.5
            to 1.8. Without it the sound registers read 0.
        window: "null" or a window type of PyBoy ("SDL2"), which shows the rendered frames.
        real_speed: Show every frame at the speed of the real machine.
        play: Let the keyboard press buttons.
        keys: Names of the keys that ``keyboard.pressed`` collects, and that do nothing else.

    Raises:
        UserError: ``rom`` is not a playable cartridge, or no window can be opened.
    """

    def __init__(
        self,
        rom: Path | str,
        *,
        sound: bool = False,
        window: str = "null",
        real_speed: bool = False,
        play: bool = False,
        keys: Collection[str] = OWN_KEYS,
    ) -> None:
        cartridge = read_rom(rom)
        if window == "SDL2":
            require_windows()
        self.rom = cartridge.path
        self.title = cartridge.title
        self._pyboy = _switched_on(cartridge, sound, window)
        self._pyboy.set_emulation_speed(int(real_speed))
        self._every_frame = real_speed
        self._pause = 0.0  # seconds after every frame
        self.keyboard = Keyboard(play, keys) if window == "SDL2" else None
        """Keys pressed in the window; None without a window."""
        # (144, 160, 4), kept up to date by PyBoy
        self._pixels: NDArray[np.uint8] = self._pyboy.screen.ndarray
        self._gray_pixels: NDArray[np.uint8] = self._pixels[:, :, 0]
        self._half_pixels = _halved(self._pixels)
        self._sound = sound
        self._closed = False
        self.actions = 0
        """Number of actions since the machine was switched on."""
        self.interventions: Counter[str] = Counter()
        """Number of interventions by reason, such as memory writes from outside, since power-on or since the
        caller cleared it."""
        self._ledger: Counter[str] = Counter()  # the same, since take_ledger()
        self.running = True
        """False once the user has closed the window; frames can still be run then."""
        self._reset_window_line()
        self._check = self._make_check(cartridge.data)
        work_ram = find_work_ram(self._pyboy.memory)
        self.memory: Memory = QuickMemory(self._pyboy.memory, work_ram) if work_ram else self._pyboy.memory

    def _reset_window_line(self) -> None:
        """Draw the last line of a frame, then return to the state just after power-on.

        PyBoy counts the lines of the window in a counter that states do not include, and resets it when it
        draws the last line of a frame. Without this, the first image after loading a state can differ from
        that of the machine that saved it.
        """
        with io.BytesIO() as file:
            self._pyboy.save_state(file)
            self._pyboy.memory[LCD_CONTROL] = LCD_ON
            self._pyboy.tick(2, False, False)
            self._pyboy.tick(1, True, False)
            file.seek(0)
            self._pyboy.load_state(file)
        self._frames_before = self._pyboy.frame_count

    def _make_check(self, rom: bytes) -> StateCheck:
        """Return the check of states, made once per kind of cartridge: saving a state takes as long as 30
        actions."""
        kind = (rom[KIND_OF_CARTRIDGE], len(rom))
        if kind not in _checks:
            before = self.save_state()
            self._pyboy.memory[SELECT_ROM_BANK] = 2
            _checks[kind] = make_state_check(before, self.save_state(), rom)
            self._pyboy.load_state(io.BytesIO(before))
        return _checks[kind]

    @property
    def frame_count(self) -> int:
        """Number of frames since the machine was switched on; loading a state does not change it."""
        return int(self._pyboy.frame_count - self._frames_before)

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        """Perform an action: hold ``button`` (of ALL_BUTTONS, or None) for ``held`` of ``frames`` frames.

        The last frame is rendered.
        """
        self.actions += 1
        if button is None:
            self.tick(frames, render=True)
            return
        held = min(held, frames)
        self._pyboy.button_press(button)
        self.tick(held, held == frames)
        self._pyboy.button_release(button)
        self.tick(frames - held, True)

    def tick(self, frames: int, render: bool = False) -> None:
        """Run ``frames`` frames; ``render`` draws the last of them, which ``screen()`` then returns."""
        if self._every_frame:
            for _ in range(frames):
                self.running &= self._pyboy.tick(1, True, self._sound)
                if self._pause:
                    time.sleep(self._pause)
        elif frames:
            self.running &= self._pyboy.tick(frames, render, self._sound)

    def set_speed(self, speed: float) -> None:
        """Set the speed of an emulator with ``real_speed``: 1 is that of the real machine, 0 is unlimited.

        Speeds above 1 are rounded to whole numbers.
        """
        self._pyboy.set_emulation_speed(int(speed))
        self._pause = 1 / (FRAMES_PER_SECOND * speed) if 0 < speed < 1 else 0.0

    def write(self, address: int, value: int, reason: str) -> None:
        """Write one byte to memory: an intervention, counted under ``reason``."""
        self._pyboy.memory[address] = value
        self.count(reason)

    def count(self, reason: str) -> None:
        """Count an intervention that writes no memory."""
        self.interventions[reason] += 1
        self._ledger[reason] += 1

    def take_ledger(self) -> dict[str, int]:
        """Return the number of interventions since the last call, by reason."""
        taken, self._ledger = dict(self._ledger), Counter()
        return taken

    def press(self, button: str) -> None:
        """Press ``button`` and hold it from the next frame on."""
        self._pyboy.button_press(button)

    def release(self, button: str) -> None:
        """Release ``button`` from the next frame on."""
        self._pyboy.button_release(button)

    def release_all(self) -> None:
        """Release every button from the next frame on."""
        for button in ALL_BUTTONS:
            self._pyboy.button_release(button)

    def screen(self) -> NDArray[np.uint8]:
        """Return a copy of the last rendered image: uint8 (144, 160), 255 white, 0 black."""
        return self._pixels[:, :, 0].copy()

    def whole_screen(self) -> NDArray[np.uint8]:
        """Return the last rendered image: uint8 (144, 160). It is a view, which the next frame overwrites."""
        return self._gray_pixels

    def half_screen(self) -> NDArray[Any]:
        """Return every second pixel of every second row of the last rendered image: (72, 80).

        The grey is the lowest byte of each uint64, which remains when they are assigned to an array of uint8.
        It is a view, which the next rendered frame overwrites.
        """
        return self._half_pixels

    def screen_rgb(self) -> NDArray[np.uint8]:
        """Return a copy of the last rendered image in colour: uint8 (144, 160, 3)."""
        return self._pixels[:, :, :3].copy()

    def save_state(self) -> bytes:
        """Return the whole state of the machine, including the buttons held."""
        with io.BytesIO() as file:
            self._pyboy.save_state(file)
            return file.getvalue()

    def load_state(self, data: bytes) -> None:
        """Load a saved state and release every button, which PyBoy would otherwise keep held.

        Raises UserError if ``data`` is not a state of this emulator and cartridge, or contains an index out
        of range. The machine is then unusable.
        """
        with io.BytesIO(data) as file:
            try:
                self._pyboy.load_state(file)
            except PyBoyException as error:
                raise UserError(
                    f"state of {len(data)} bytes: the emulator cannot load it ({error})"
                ) from error
            if file.tell() != len(data):
                raise UserError(
                    f"state of {len(data)} bytes: {len(data) - file.tell()} too many for {self.title}"
                )
        self._check(data)  # before the next frame: until then its indices are not used
        self.release_all()

    def snapshot(self) -> dict[str, Any]:
        """Return the machine's state (compressed bytes) and counters, for ``restore`` in any process.

        Saving a state takes as long as 30 actions.
        """
        return {
            "state": zlib.compress(self.save_state(), 1),
            "actions": self.actions,
            "interventions": dict(self.interventions),
            "ledger": dict(self._ledger),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from a ``snapshot``. Raises UserError, ValueError, KeyError or TypeError if invalid."""
        self.load_state(inflate(snapshot["state"], MAX_STATE))
        self.actions = int(snapshot["actions"])
        self.interventions = Counter({str(k): int(n) for k, n in snapshot["interventions"].items()})
        self._ledger = Counter({str(k): int(n) for k, n in snapshot["ledger"].items()})

    def close(self) -> None:
        """Switch off without writing a battery file; may be called again."""
        if not self._closed:
            self._closed = True
            self._pyboy.stop(save=False)
            if self.keyboard is not None:
                self.keyboard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
