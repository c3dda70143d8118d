"""Impossible memory is reported: contradictory lists, wrong map sizes, shifted addresses as in releases in
other languages."""

from __future__ import annotations

import numpy as np
import pytest

from envs.game.plausibility import implausible, memory_oddities
from envs.game_boy.emulator import Emulator
from envs.ram import read_state
from tests.conftest import State
from tests.envs.test_memory_images import IMAGES

SHIFTS = (-1, 1, 5, 10)
"""Bytes that memory is shifted by; for most of it, European releases have 5."""
REAL = {name: image for name, image in IMAGES.items() if name.startswith("folder: ")}


def memory_of(image: np.ndarray, shift: int = 0) -> bytes:
    whole = np.zeros(0x10000, np.uint8)
    whole[0xC000:0xE000] = image
    whole[0xCF00:0xE000] = np.roll(whole[0xCF00:0xE000], shift)
    return bytes(whole)


def oddities(memory: bytes) -> list[str]:
    return implausible(read_state(memory)) + memory_oddities(memory)


@pytest.mark.parametrize("start", ["bedroom", "starter", "route1"])
def test_the_cartridges_own_memory_is_plausible_and_shifted_it_is_not(
    emulator: Emulator, state: State, start: str
) -> None:
    emulator.load_state(state(start))
    image = np.array([emulator.memory[0xC000 + n] for n in range(0x2000)], np.uint8)
    assert oddities(memory_of(image)) == []
    for shift in SHIFTS:
        assert oddities(memory_of(image, shift)), shift


@pytest.mark.parametrize("name", REAL)
def test_memory_of_real_play_is_plausible_and_shifted_it_is_not(name: str) -> None:
    assert oddities(memory_of(REAL[name])) == []
    for shift in SHIFTS:
        assert oddities(memory_of(REAL[name], shift)), shift


def test_contradictions_in_memory_are_reported() -> None:
    data = bytearray(0x10000)
    data[0xD35E], data[0xD368], data[0xD369], data[0xD164] = 38, 4, 4, 0xFF
    data[0xD158:0xD15C] = 0x91, 0x84, 0x83, 0x50
    assert memory_oddities(bytes(data)) == []
    data[0xD368] = 5
    assert memory_oddities(bytes(data)) == ["size of map 38 = 4 x 5"]
    data[0xD368], data[0xD163], data[0xD16B] = 4, 1, 153
    assert memory_oddities(bytes(data)) == ["party of 1, list of species = [255, 0]"]
    data[0xD164], data[0xD165] = 153, 0xFF
    assert memory_oddities(bytes(data)) == []
    data[0xD163] = 7
    assert memory_oddities(bytes(data)) == ["party of 7, list of species = [153]"]
    data[0xD163], data[0xD15A] = 1, 0
    assert memory_oddities(bytes(data)) == ["player's name = 91 84 00 50 00 00 00 00 00 00 00"]
