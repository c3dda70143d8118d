"""Tests of the camera's emulator: it does not change the game, and passes over half redrawn pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.game_boy.emulator import LCD_CONTROL, LCD_ON, Emulator
from training.environments.filmed_emulator import PATIENCE, FilmedEmulator

Screens = list[NDArray[np.uint8]]


@pytest.mark.parametrize("every", [1, 5, 24, 37])
def test_filming_does_not_change_the_game(rom: Path, state: Callable[[str], bytes], every: int) -> None:
    shown: Screens = []
    plain, filmed = Emulator(rom), FilmedEmulator(rom, shown.append, every)
    for emulator in (plain, filmed):
        emulator.load_state(state("bedroom"))
        for button, frames, held in (("down", 24, 8), ("a", 24, 24), (None, 24, 8), ("left", 10, 3)):
            emulator.act(button, frames, held)
    assert plain.save_state() == filmed.save_state()
    assert len(shown) == 82 // every
    for emulator in (plain, filmed):
        emulator.close()


def test_a_picture_that_is_half_redrawn_is_passed_over(rom: Path, state: Callable[[str], bytes]) -> None:
    """Walking and the menu, compared with all frames of an emulator that nobody films."""
    buttons: list[str | None] = ["start", None, "b", "left", "left", "up", "right", "down", None] * 4
    every = 7
    shown: Screens = []
    with FilmedEmulator(rom, shown.append, every) as filmed, Emulator(rom) as plain:
        filmed.load_state(state("bedroom"))
        for button in buttons:
            filmed.act(button)
        frames, on = _all_frames(plain, state("bedroom"), buttons)
    still = [n for n in range(1, len(frames)) if on[n] and np.array_equal(frames[n], frames[n - 1])]
    late = 0
    for number, picture in enumerate(shown):
        due = (number + 1) * every - 1
        best = next((n for n in range(due, due + PATIENCE + 1) if n in still), due)
        assert np.array_equal(picture, frames[best]), number
        late += best > due
    assert len(shown) >= len(frames) // every - 1
    assert late, "some pictures were still changing when they were due"


def _all_frames(emulator: Emulator, start: bytes, buttons: list[str | None]) -> tuple[Screens, list[bool]]:
    """Return every frame of the actions, and whether the screen was on."""
    frames: Screens = []
    on: list[bool] = []
    emulator.load_state(start)
    for button in buttons:
        for passed in range(24):
            if button is not None and passed in (0, 8):
                (emulator.release if passed else emulator.press)(button)
            emulator.tick(1, render=True)
            frames.append(emulator.screen())
            on.append(bool(emulator.memory[LCD_CONTROL] & LCD_ON))
    return frames, on
