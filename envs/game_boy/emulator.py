"""The Game Boy: the only file that imports PyBoy. Boots a cartridge, presses buttons, lets frames pass,
shows the screen and the memory, saves and loads a state. It never reads nor writes a battery file."""

from __future__ import annotations

import importlib.metadata
import io
import warnings
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    # Its window library tells on import where its binaries come from; no window is opened here.
    warnings.filterwarnings("ignore", message="Using SDL2 binaries")
    from pyboy import PyBoy
    from pyboy.utils import PyBoyException

from envs.errors import UserError
from envs.files import inflate
from envs.game_boy.keyboard import Keyboard
from envs.game_boy.memory import Memory, QuickMemory, find_work_ram
from envs.game_boy.rom import read_rom
from envs.game_boy.state_check import SELECT_ROM_BANK, StateCheck, make_state_check

BUTTONS = ("down", "left", "right", "up", "a", "b", "start")
"""What an agent can press; action n presses BUTTONS[n]."""
ALL_BUTTONS = (*BUTTONS, "select")
KIND_OF_CARTRIDGE = slice(0x147, 0x14A)  # memory controller, sizes of ROM and RAM
LCD_CONTROL, LCD_ON = 0xFF40, 0x80  # register and bit, as the public description of the hardware has them
MAX_STATE = 1 << 20  # bytes; a state with 128 KiB of cartridge RAM has 0.3 million
VERSION = f"pyboy-{importlib.metadata.version('pyboy')}"
"""A state fits the emulator that saved it: this is part of its provenance and of its key in the cache."""

_checks: dict[tuple[bytes, int], StateCheck] = {}  # by kind of cartridge


class Emulator:
    """One Game Boy with one cartridge, just switched on.

    ``sound`` emulates the sound hardware, which nothing here needs and which costs 1.5 to 1.8 times
    everything; without it the sound registers read 0. ``window`` is "null" or a window that PyBoy knows
    ("SDL2"), which shows what is rendered; ``real_speed`` shows every frame, as fast as the real machine. The
    keyboard presses buttons only with ``play``. Raises UserError when ``rom`` is no cartridge that can be
    played, or when no window can be opened.
    """

    def __init__(
        self,
        rom: Path | str,
        *,
        sound: bool = False,
        window: str = "null",
        real_speed: bool = False,
        play: bool = False,
    ) -> None:
        cartridge = read_rom(rom)
        self.rom = cartridge.path
        self.title = cartridge.title
        try:
            # A file object instead of a path: PyBoy then looks for no battery file beside the cartridge.
            self._pyboy = PyBoy(
                io.BytesIO(cartridge.data),
                window=window,
                sound_emulated=sound,
                cgb=False,
                log_level="CRITICAL",
                no_input=window == "null",
            )
        except PyBoyException as error:
            raise UserError(f"ROM {rom}: the emulator cannot play it ({error})") from error
        self._pyboy.set_emulation_speed(int(real_speed))
        self._every_frame = real_speed
        self.keyboard = Keyboard(play) if window == "SDL2" else None
        """Keys that were pressed in the window; None without one."""
        # (144, 160, 4), kept up to date by PyBoy
        self._pixels: NDArray[np.uint8] = self._pyboy.screen.ndarray
        self._half_pixels: NDArray[np.uint8] = self._pixels[::2, ::2, 0]
        self._sound = sound
        self._closed = False
        self.actions = 0
        """How many actions were taken since the machine was switched on."""
        self.interventions: Counter[str] = Counter()
        """How often memory was written from outside since the machine was switched on, by reason."""
        self._ledger: Counter[str] = Counter()  # the same, since take_ledger()
        self.running = True
        """False once the user has closed the window; frames still pass then."""
        self._forget_window_line()
        self._check = self._make_check(cartridge.data)
        work_ram = find_work_ram(self._pyboy.memory)
        self.memory: Memory = QuickMemory(self._pyboy.memory, work_ram) if work_ram else self._pyboy.memory

    def _forget_window_line(self) -> None:
        """Draw the last line of a picture, then go back to the machine just switched on.

        PyBoy counts the lines of the window in a number that no state holds, and sets it back when it draws
        the last line of a picture. Without this the first picture of a machine that loads a state can differ
        from what the machine that saved it shows.
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
        """What states must be like, found out once for each kind of cartridge, since saving a
        state takes as long as 30 actions."""
        kind = (rom[KIND_OF_CARTRIDGE], len(rom))
        if kind not in _checks:
            before = self.save_state()
            self._pyboy.memory[SELECT_ROM_BANK] = 2
            _checks[kind] = make_state_check(before, self.save_state(), rom)
            self._pyboy.load_state(io.BytesIO(before))
        return _checks[kind]

    @property
    def frame_count(self) -> int:
        """Frames since the machine was switched on; loading a state does not set it back."""
        return int(self._pyboy.frame_count - self._frames_before)

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        """One action: hold ``button`` (one of ALL_BUTTONS, or None) for ``held`` of ``frames`` frames, and
        render the last.
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
        """Let ``frames`` frames pass; ``render`` draws the last of them, which is the picture that screen()
        then gives.
        """
        if self._every_frame:
            for _ in range(frames):
                self.running &= self._pyboy.tick(1, True, self._sound)
        elif frames:
            self.running &= self._pyboy.tick(frames, render, self._sound)

    def write(self, address: int, value: int, reason: str) -> None:
        """Write one byte of memory: an intervention, counted under ``reason``."""
        self._pyboy.memory[address] = value
        self.interventions[reason] += 1
        self._ledger[reason] += 1

    def take_ledger(self) -> dict[str, int]:
        """How often memory was written from outside since this was last asked, by reason."""
        taken, self._ledger = dict(self._ledger), Counter()
        return taken

    def press(self, button: str) -> None:
        """Hold ``button`` down from the next frame on."""
        self._pyboy.button_press(button)

    def release(self, button: str) -> None:
        """Let go of ``button`` from the next frame on."""
        self._pyboy.button_release(button)

    def release_all(self) -> None:
        """Let go of every button from the next frame on."""
        for button in ALL_BUTTONS:
            self._pyboy.button_release(button)

    def screen(self) -> NDArray[np.uint8]:
        """The picture last rendered: uint8 (144, 160), 255 white, 0 black; a copy."""
        return self._pixels[:, :, 0].copy()

    def half_screen(self) -> NDArray[np.uint8]:
        """Every second pixel of every second row of the picture last rendered: uint8 (72, 80); a view of what
        the next picture is drawn over.
        """
        return self._half_pixels

    def screen_rgb(self) -> NDArray[np.uint8]:
        """The picture last rendered: uint8 (144, 160, 3); a copy."""
        return self._pixels[:, :, :3].copy()

    def save_state(self) -> bytes:
        """Everything the machine remembers, the buttons held included."""
        with io.BytesIO() as file:
            self._pyboy.save_state(file)
            return file.getvalue()

    def load_state(self, data: bytes) -> None:
        """Go to a saved state, with every button released: PyBoy keeps the state's buttons held otherwise.

        Raises UserError when ``data`` is no state of this emulator and cartridge, or points to what it
        has not; the machine is then of no further use.
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
        self._check(data)  # before a frame passes: until then nothing is read by what it says
        self.release_all()

    def snapshot(self) -> dict[str, Any]:
        """The machine's state (compressed bytes) and its counts: what ``restore`` goes on from, in another
        process too. Saving a state takes as long as playing 30 actions."""
        return {
            "state": zlib.compress(self.save_state(), 1),
            "actions": self.actions,
            "interventions": dict(self.interventions),
            "ledger": dict(self._ledger),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a ``snapshot``. Raises UserError, ValueError, KeyError or TypeError for what is none."""
        self.load_state(inflate(snapshot["state"], MAX_STATE))
        self.actions = int(snapshot["actions"])
        self.interventions = Counter({str(k): int(n) for k, n in snapshot["interventions"].items()})
        self._ledger = Counter({str(k): int(n) for k, n in snapshot["ledger"].items()})

    def close(self) -> None:
        """Switch off. Writes no battery file; may be called again."""
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
