"""Run of the cartridge on a second, unrelated emulator: ``python -m envs.cartridge.second_emulator``.

Loads a libretro core (Debian package ``libretro-gambatte``) without a window, checks that the same buttons
give the same images as in PyBoy up to the first menus of a new game, and then lets the scripted player play
to ``--until``. The two games differ from the first random number on, because the divider register, which
feeds the random bytes, starts with different values in the two emulators. Every milestone must be reached
nevertheless.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from envs.cartridge.walkthrough import STORY, WalkthroughError, run_to
from envs.errors import UserError
from envs.game.boot import boot_to_control
from envs.game.catalog import EMBEDDED_ROM
from envs.game_boy.emulator import Emulator

CORE = Path("/usr/lib/x86_64-linux-gnu/libretro/gambatte_libretro.so")
WORK_RAM, WORK_RAM_SIZE = 0xC000, 0x2000
WIDTH, HEIGHT = 160, 144
JOYPAD = {"b": 0, "select": 2, "start": 3, "up": 4, "down": 5, "left": 6, "right": 7, "a": 8}
"""RETRO_DEVICE_ID_JOYPAD_*."""
SYSTEM_RAM = 2
"""RETRO_MEMORY_SYSTEM_RAM."""
GET_CAN_DUPE, GET_SYSTEM_DIRECTORY, SET_PIXEL_FORMAT, GET_SAVE_DIRECTORY = 3, 9, 10, 31
"""RETRO_ENVIRONMENT_*."""
PIXEL_BYTES = {0: 2, 1: 4, 2: 2}
"""Bytes of a pixel in each RETRO_PIXEL_FORMAT."""
Grey = NDArray[np.uint8]


class GameInfo(ctypes.Structure):
    """struct retro_game_info."""

    _fields_ = (
        ("path", ctypes.c_char_p),
        ("data", ctypes.c_char_p),
        ("size", ctypes.c_size_t),
        ("meta", ctypes.c_char_p),
    )


class WorkRam:
    """Work RAM (0xC000 to 0xDFFF) with the interface of the project's own emulator."""

    def __init__(self, start: int) -> None:
        self.bytes = (ctypes.c_uint8 * WORK_RAM_SIZE).from_address(start)

    def __getitem__(self, where: int | slice) -> Any:
        if isinstance(where, slice):
            return list(self.bytes[where.start - WORK_RAM : where.stop - WORK_RAM])
        # The core shows work RAM alone; registers read as if nothing was connected.
        return self.bytes[where - WORK_RAM] if where < WORK_RAM + WORK_RAM_SIZE else 0xFF


class SecondEmulator:
    """One Game Boy in a libretro core, just switched on. Raises UserError if ``core`` cannot be loaded."""

    def __init__(self, rom: Path, core: Path) -> None:
        try:
            self.core = ctypes.CDLL(str(core))
        except OSError as error:
            raise UserError(f"core {core}: cannot be loaded ({error}); Debian: libretro-gambatte") from None
        self.rom, self.title = rom, core.stem
        self.actions = self.frames = 0
        self.held: set[int] = set()
        self.format = 0
        self.picture: Grey = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        self.folder = tempfile.TemporaryDirectory()
        self.folder_name = ctypes.c_char_p(self.folder.name.encode())
        self.callbacks = self._connect()
        self.core.retro_init()
        data = rom.read_bytes()
        info = GameInfo(str(rom).encode(), data, len(data), None)
        if not self.core.retro_load_game(ctypes.byref(info)):
            raise UserError(f"core {core}: does not accept {rom}")
        self.data = data
        self.core.retro_get_memory_data.restype = ctypes.c_void_p
        self.memory = WorkRam(self.core.retro_get_memory_data(SYSTEM_RAM))

    def _connect(self) -> list[Any]:
        """Set the core's six callbacks and return them, so that they are kept alive."""
        u, size, pointer = ctypes.c_uint, ctypes.c_size_t, ctypes.c_void_p
        kinds = {
            "environment": ctypes.CFUNCTYPE(ctypes.c_bool, u, pointer)(self._environment),
            "video_refresh": ctypes.CFUNCTYPE(None, pointer, u, u, size)(self._video),
            "audio_sample": ctypes.CFUNCTYPE(None, ctypes.c_int16, ctypes.c_int16)(lambda left, right: None),
            "audio_sample_batch": ctypes.CFUNCTYPE(size, pointer, size)(lambda data, frames: frames),
            "input_poll": ctypes.CFUNCTYPE(None)(lambda: None),
            "input_state": ctypes.CFUNCTYPE(ctypes.c_int16, u, u, u, u)(
                lambda port, device, index, button: int(port == 0 and button in self.held)
            ),
        }
        for name, callback in kinds.items():
            getattr(self.core, f"retro_set_{name}")(callback)
        return list(kinds.values())

    def _environment(self, command: int, data: int | None) -> bool:
        if command == SET_PIXEL_FORMAT and data:
            self.format = ctypes.c_uint.from_address(data).value
            return True
        if command == GET_CAN_DUPE and data:
            ctypes.c_bool.from_address(data).value = True
            return True
        if command in (GET_SYSTEM_DIRECTORY, GET_SAVE_DIRECTORY) and data:
            ctypes.c_char_p.from_address(data).value = self.folder_name.value
            return True
        return False

    def _video(self, data: int | None, width: int, height: int, pitch: int) -> None:
        if not data or (width, height) != (WIDTH, HEIGHT):
            return
        raw = np.ctypeslib.as_array((ctypes.c_uint8 * (pitch * height)).from_address(data))
        pixel = PIXEL_BYTES[self.format]
        rows = raw.reshape(height, pitch)[:, : width * pixel].copy()
        # the green bits of every format grow with the brightness
        self.picture = rows[:, 1::4] if pixel == 4 else (rows.view(np.uint16) >> 5 & 63).astype(np.uint8)

    def tick(self, frames: int, render: bool = False) -> None:
        """Run ``frames`` frames."""
        self.frames += frames
        for _ in range(frames):
            self.core.retro_run()

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        """Perform one action, like Emulator.act."""
        self.actions += 1
        self.held = {JOYPAD[button]} if button else set()
        self.tick(held)
        self.held = set()
        self.tick(frames - held)

    @property
    def frame_count(self) -> int:
        """Frames since the machine was switched on."""
        return self.frames

    def screen(self) -> Grey:
        """Return the last image: uint8 (144, 160), with the core's own grey values."""
        return self.picture


def shades(picture: Grey) -> Grey:
    """Map an image to 0 (darkest) .. 3: the rank of each grey among those of the image."""
    return np.unique(picture, return_inverse=True)[1].reshape(picture.shape).astype(np.uint8)


def same_pictures(first: Emulator, second: SecondEmulator, buttons: Sequence[str]) -> int:
    """Press the same buttons on both, wait until both are at rest, and count equal images."""
    same = 0
    for button in buttons:
        for machine in (first, second):
            machine.act(button)
            machine.act(None)
        same += int(np.array_equal(shades(first.screen()), shades(second.screen())))
    return same


def main() -> int:
    """Compare and play; exit status 0 if the milestone was reached, 1 if not, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="envs.cartridge.second_emulator", description=__doc__)
    parser.add_argument("--core", type=Path, default=CORE, help="a libretro core for the Game Boy")
    parser.add_argument("--until", default="badge1", help=f"one of {', '.join(STORY)}")
    options = parser.parse_args()
    try:
        return compare(options.core, options.until)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except WalkthroughError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def compare(core: Path, until: str) -> int:
    """Boot both to the bedroom, compare images while moving and in menus, then play on in the second."""
    second = SecondEmulator(EMBEDDED_ROM, core)
    machine = cast(Emulator, second)
    shot = Path(tempfile.gettempdir()) / "second-boot.png"
    with Emulator(EMBEDDED_ROM) as first:
        boot_to_control(first, shot)
        boot_to_control(machine, shot)
        way = ["up", "left", "right", "right", "down", "up", "start", "down", "down", "a", "b", "b"]
        same = same_pictures(first, second, way)
        print(
            f"same pictures: {same} of {len(way)}, same map: {first.memory[0xD35E] == second.memory[0xD35E]}"
        )
    before = second.actions
    run_to(
        machine, until, lambda name, actions: print(f"{name:<12} {before + actions:>6} actions", flush=True)
    )
    return 0 if same == len(way) else 1


if __name__ == "__main__":
    sys.exit(main())
