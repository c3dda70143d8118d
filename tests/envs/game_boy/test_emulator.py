"""Tests of the emulator with the real cartridge: time, buttons, images, states, and files it leaves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from envs.errors import UserError
from envs.game_boy.emulator import ALL_BUTTONS, BUTTONS, Emulator
from envs.game_boy.memory import QuickMemory
from envs.observation_parts.pictures import shrink
from envs.ram import read_state
from tests.paths import ROOT

H_JOY_HELD = 0xFFB4
HELD_BITS = {"a": 0, "b": 1, "select": 2, "start": 3, "right": 4, "left": 5, "up": 6, "down": 7}
State = Callable[[str], bytes]


def everything(emulator: Emulator) -> bytes:
    return bytes(emulator.memory[0xC000:0xE000]) + bytes(emulator.memory[0xFF80:0xFFFF])


def test_time_passes_in_frames(emulator: Emulator) -> None:
    emulator.tick(10)
    assert emulator.frame_count == 10
    emulator.act("a")
    emulator.act(None, frames=5)
    emulator.act("b", frames=8, held=8)
    assert (emulator.frame_count, emulator.actions) == (10 + 24 + 5 + 8, 3)


def test_an_action_holds_its_button_and_releases_it(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("bedroom"))
    for button in BUTTONS:
        emulator.press(button)
        emulator.tick(4)
        assert emulator.memory[H_JOY_HELD] == 1 << HELD_BITS[button]
        emulator.release(button)
        emulator.tick(4)
        assert emulator.memory[H_JOY_HELD] == 0
    emulator.act("down")
    assert emulator.memory[H_JOY_HELD] == 0


def test_a_loaded_state_has_every_button_released(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("bedroom"))
    for button in ALL_BUTTONS:
        emulator.press(button)
    emulator.tick(2)
    held = emulator.save_state()
    emulator.press("a")  # still pending when the state is loaded
    emulator.load_state(held)
    emulator.tick(4)
    assert emulator.memory[H_JOY_HELD] == 0


def test_a_state_holds_everything(rom: Path, emulator: Emulator, state: State) -> None:
    emulator.load_state(state("starter"))
    emulator.act("left")
    saved = emulator.save_state()
    for _ in range(20):
        emulator.act("down")
    later, picture = everything(emulator), emulator.screen()
    with Emulator(rom) as other:
        other.act("start")  # so that its earlier state differs
        other.load_state(saved)
        for _ in range(20):
            other.act("down")
        assert everything(other) == later
        assert np.array_equal(other.screen(), picture)
        assert other.save_state() == emulator.save_state()


def test_rendering_only_the_last_frame_gives_the_same_image(
    rom: Path, emulator: Emulator, state: State
) -> None:
    """Rendering one frame in 24 gives the same image as rendering all of them."""
    emulator.load_state(state("starter"))
    with Emulator(rom) as slow:
        slow.load_state(state("starter"))
        for button in ("down", "a", "start", "down", "b", "left", "up", "right", "right"):
            emulator.act(button)
            slow.press(button)
            for frame in range(24):
                if frame == 8:
                    slow.release(button)
                slow.tick(1, render=True)
            assert np.array_equal(emulator.screen_rgb(), slow.screen_rgb())


def test_images_are_copies_in_grey_and_in_colour(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("starter"))
    emulator.act(None)
    grey, colours = emulator.screen(), emulator.screen_rgb()
    assert (grey.shape, colours.shape) == ((144, 160), (144, 160, 3))
    assert grey.dtype == colours.dtype == np.uint8
    assert len(np.unique(grey)) > 2
    kept = grey.copy()
    emulator.act("start")
    assert not np.array_equal(emulator.screen(), kept)
    assert np.array_equal(grey, kept)


def test_invalid_states_are_refused(emulator: Emulator, state: State) -> None:
    data = state("bedroom")
    for wrong in (b"", b"\xff" * 100, data[:-100], data + b"\0"):
        with pytest.raises(UserError, match="state of") as error:
            emulator.load_state(wrong)
        assert "\n" not in str(error.value)
    emulator.load_state(data)
    emulator.tick(1)
    assert read_state(emulator.memory).map_id == 38


def test_no_battery_file_is_read_or_written(rom: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(rom, tmp_path / "game.gb"))
    (tmp_path / "game.gb.ram").write_bytes(b"\x55" * 0x8000)
    emulator, clean = Emulator(copy), Emulator(rom)
    for machine in (emulator, clean):
        machine.tick(60)
    assert everything(emulator) == everything(clean)
    assert emulator.save_state() == clean.save_state()
    for machine in (emulator, clean):
        machine.close()
        machine.close()
    assert (tmp_path / "game.gb.ram").read_bytes() == b"\x55" * 0x8000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["game.gb", "game.gb.ram"]
    assert [path.name for path in rom.parent.glob("*.ram")] == []


def test_importing_the_emulator_is_quiet() -> None:
    code = "import envs.game_boy.emulator"
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, check=True
    )
    assert "SDL2" not in done.stderr
    assert done.stdout == ""


def test_sound_does_not_change_the_game(rom: Path, emulator: Emulator, state: State) -> None:
    with Emulator(rom, sound=True) as loud:
        for machine in (emulator, loud):
            machine.load_state(state("bedroom"))
            for button in ("down", "down", "start", "b"):
                machine.act(button)
        assert read_state(loud.memory) == read_state(emulator.memory)


def test_work_ram_is_read_directly(emulator: Emulator, state: State) -> None:
    """The array behind PyBoy's memory is found, and is still the right one after loading a state."""
    emulator.load_state(state("starter"))
    emulator.tick(30)
    memory = emulator.memory
    assert isinstance(memory, QuickMemory)
    slow = emulator._pyboy.memory
    assert bytes(memory.work_ram) == bytes(slow[0xC000:0xE000])
    assert memory[0xD35E:0xD363] == bytes(slow[0xD35E:0xD363])
    assert memory[0xFF40] == slow[0xFF40]
    assert read_state(memory) == read_state(slow)
    memory[0xD35E] = 3
    assert memory.work_ram[0xD35E - 0xC000] == 3


def test_half_screen_is_the_screen_shrunk(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("starter"))
    for button in (None, "down", "start"):
        emulator.act(button)
        assert np.array_equal(emulator.whole_screen(), emulator.screen())
        assert np.array_equal(emulator.half_screen().astype(np.uint8), shrink(emulator.screen(), 72))


def test_a_state_continues_the_same_in_a_new_machine(
    emulator: Emulator, rom: Path, state: Callable[[str], bytes]
) -> None:
    """With the title's window on the screen, whose lines PyBoy counts outside its states."""
    emulator.load_state(state("power on"))
    emulator.tick(7, render=True)
    generator = np.random.default_rng(5)
    for step, action in enumerate(generator.integers(0, len(BUTTONS), 310).tolist()):
        emulator.act(BUTTONS[action])
        if step in (100, 300):
            with Emulator(rom) as other:
                other.load_state(emulator.save_state())
                assert (other.screen() == emulator.screen()).all()
                for machine in (emulator, other):
                    machine.act("a")
                assert (other.screen() == emulator.screen()).all(), step
                assert other.save_state() == emulator.save_state(), step


WINDOW = """
from envs.errors import UserError
from envs.game_boy.emulator import Emulator
from envs.game.catalog import EMBEDDED_ROM
Emulator(EMBEDDED_ROM).close()
try:
    Emulator(EMBEDDED_ROM, window="SDL2")
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("text", ["", "raise ImportError('could not find any library for SDL2')"])
def test_a_missing_library_of_windows_is_named_and_needed_only_for_windows(tmp_path: Path, text: str) -> None:
    """The message used to be "the emulator cannot play the ROM"."""
    (tmp_path / "sdl2.py").write_text(text or "raise ModuleNotFoundError(\"No module named 'sdl2'\")")
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", WINDOW],
        capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "SDL_VIDEODRIVER": "dummy"},
    )  # fmt: skip
    (line,) = done.stdout.splitlines()
    assert line.startswith("a window needs the package pysdl2, which cannot be used here (")
    assert line.endswith("; pip install -r requirements.txt")
