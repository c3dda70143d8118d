"""Tests of the check of states: malicious indices are refused, and states of real play load."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from envs.errors import UserError
from envs.files import read_plain
from envs.game_boy import state_check as check
from envs.game_boy.emulator import BUTTONS, Emulator
from tests.conftest import State

VIDEO = 31  # bytes before video RAM, in the format with the fewest


@pytest.mark.parametrize("sound", [False, True])
def test_states_of_real_play_load(rom: Path, state: State, sound: bool) -> None:
    generator = random.Random(2)
    with Emulator(rom, sound=sound) as emulator, Emulator(rom, sound=sound) as other:
        emulator.load_state(state("starter"))
        for _ in range(30):
            emulator.act(generator.choice(BUTTONS), frames=generator.randrange(1, 30))
            saved = emulator.save_state()
            other.load_state(saved)
            assert other.save_state()[:VIDEO] == saved[:VIDEO]


Place = Callable[[bytes, check.Indices, int], int | None]


def channel(state: bytes, at: check.Indices, place: int | None) -> int | None:
    """Offset of ``place`` in the sound part, which is counted from the end of its buffer."""
    samples = 2 * (int.from_bytes(state[at.sound + 8 :][:8], "little") + 1)
    return None if place is None else at.sound + 24 + samples + place


INDICES: list[tuple[str, Place, int]] = [
    ("ROM bank is 255, must be at most 15", lambda _, at, bank: bank, 255),
    ("ROM bank is 16, must be at most 15", lambda _, at, bank: bank, 16),
    ("RAM bank is 16, must be at most 15", lambda _, at, bank: bank + 1, 16),
    ("line is 200, must be at most 143", lambda _, at, bank: at.line, 200),
    ("next mode of the screen is 9", lambda _, at, bank: at.next_mode, 9),
    ("place in the sound is", lambda _, at, bank: at.sound + 7, 0x80),
    ("wave is 4, must be at most 3", lambda state, at, _: channel(state, at, at.sweep + check.TONE_DUTY), 4),
    (
        "next wave is 255",
        lambda state, at, _: channel(state, at, at.next_duty and at.tone + at.next_duty),
        255,
    ),
    (
        "place in a wave is 8, must be at most 7",
        lambda state, at, _: channel(state, at, at.tone + check.TONE_FRAME),
        8,
    ),
    (
        "place in the wave is 32, must be at most 31",
        lambda state, at, _: channel(state, at, at.wave_places[0]),
        32,
    ),
    ("place in the wave is", lambda state, at, _: channel(state, at, at.wave_places[-1] + 7), 0xFF),
]


@pytest.mark.parametrize(("line", "place", "value"), INDICES)
def test_an_index_out_of_range_is_refused(
    rom: Path, state: State, line: str, place: Place, value: int
) -> None:
    with Emulator(rom) as emulator:
        crafted = bytearray(state("starter"))
        where = place(bytes(crafted), check.INDICES[crafted[0]], emulator._check.bank)
        if where is None:
            pytest.skip("states of this PyBoy have no such index")
        crafted[where] = value
        with pytest.raises(UserError, match=line):
            emulator.load_state(bytes(crafted))


@pytest.mark.parametrize(("line", "mode", "change"), [(143, 2, 0), (143, 0, 1), (144, 3, 0), (154, 1, 0)])
def test_a_line_below_the_screen_is_refused(
    rom: Path, state: State, line: int, mode: int, change: int
) -> None:
    crafted = bytearray(state("starter"))
    at = check.INDICES[crafted[0]]
    crafted[at.line], crafted[at.next_mode] = line, mode
    if at.change is not None:
        crafted[at.change] = change
    elif change:
        pytest.skip("states of this PyBoy have no such change")
    with Emulator(rom) as emulator, pytest.raises(UserError, match=f"line is {line}"):
        emulator.load_state(bytes(crafted))


@pytest.mark.parametrize("kind", [0x00, 0x01, 0x03, 0x05, 0x10, 0x13, 0x19, 0x1B, 0x1E])
def test_states_of_every_kind_of_cartridge_are_checked(rom: Path, tmp_path: Path, kind: int) -> None:
    data = bytearray(rom.read_bytes())
    data[0x147] = kind
    data[0x14D] = (-sum(data[0x134:0x14D]) - 25) & 0xFF  # as the header's checksum is defined
    path = tmp_path / "other.gb"
    path.write_bytes(data)
    with Emulator(path) as emulator:
        saved = bytearray(emulator.save_state())
        emulator.load_state(bytes(saved))
        assert saved[emulator._check.bank] == 1  # the bank selected at power-on
        saved[emulator._check.bank] = 200
        with pytest.raises(UserError, match="ROM bank is 200, must be at most 15"):
            emulator.load_state(bytes(saved))


def test_a_pipe_and_a_device_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "link"):
        with pytest.raises(OSError, match="not a plain file"):
            read_plain(tmp_path / name, 100)
    (tmp_path / "file").write_bytes(b"abc")
    with pytest.raises(OSError, match="3 bytes are too many, at most 2"):
        read_plain(tmp_path / "file", 2)
    assert read_plain(tmp_path / "file", 3, only=2) == b"ab"
