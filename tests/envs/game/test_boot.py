"""The boot script gets through the opening whenever it starts and from any screen: on the embedded cartridge,
which has the original's traps, and on a model of the original."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from PIL import Image

from envs.errors import UserError
from envs.game import boot
from envs.game.boot import BEDROOM, STRIP_PICTURES, BootError, boot_to_control, has_control, in_play
from envs.game_boy.emulator import Emulator
from envs.ram import read_state
from tests.envs.game.opening_model import NAME_END, W_PLAYER_NAME, W_RIVAL_NAME, Opening

DELAYS = [round(300 * n / 39) for n in range(40)]
MOST_FRAMES = 1500
NAMING_SCREEN = (3, 7, 0xFF)  # first entry's y, last entry, buttons that leave
LEFT_BEHIND = [
    ("a",), ("a", "a", "b"), ("a",) * 7, ("a", "b"), ("up",), ("left", "up", "up"), ("down", "down", "left"),
]  # fmt: skip
"""What a player did on the naming screen before the script came: letters typed, all seven of them, none; the
cursor on the tile that switches the case, on the one that ends, and on the last of a row."""


@pytest.fixture(scope="module")
def machine(rom: Path) -> Iterator[Emulator]:
    with Emulator(rom) as emulator:
        emulator.tick(1)
        yield emulator


@pytest.fixture(scope="module")
def power_on(machine: Emulator) -> bytes:
    return machine.save_state()


def name(emulator: Emulator | Opening, address: int) -> bytes:
    data = bytes(emulator.memory[address : address + 11])
    return data[: data.index(NAME_END)]


def letters(word: str) -> bytes:
    """Encode ``word`` in the game's character set."""
    return bytes(0x80 + ord(letter) - ord("A") for letter in word)


def booted(emulator: Emulator, folder: Path) -> int:
    """Boot, and return how many frames of the script that took."""
    before = emulator.frame_count
    boot_to_control(emulator, folder / "boot.png")
    assert in_play(emulator)
    state = read_state(emulator.memory)
    assert (state.map_id, state.joy_ignore, state.walk_counter) == (BEDROOM, 0, 0)
    assert not list(folder.iterdir())
    return emulator.frame_count - before


def leave_behind(emulator: Emulator, buttons: tuple[str, ...]) -> None:
    """Go to the naming screen with A and START, and press ``buttons`` there."""
    for button in cycle(("a", "a", "start")):
        memory = emulator.memory
        if (memory[0xCC24], memory[0xCC28], memory[0xCC29]) == NAMING_SCREEN:
            break
        emulator.act(button)
    for button in buttons:
        emulator.act(button)


def old_boot(emulator: Opening, frames: int) -> bool:
    """The old script, which took standing still in the bedroom with no script running for control."""
    for button in cycle(("a", "start")):
        emulator.act(button)
        state = read_state(emulator.memory)
        if state.map_id == BEDROOM and not state.joy_ignore and not state.walk_counter:
            for trial in ("b", "b", "down", "up"):
                emulator.act(trial)
        if emulator.memory[0xD732] & 1:
            return True
        if emulator.frame_count > frames:
            return False
    return False


# --- the embedded cartridge ---
@pytest.mark.parametrize("delay", DELAYS)
def test_the_cartridge_reaches_control_whenever_the_script_starts(
    machine: Emulator, power_on: bytes, tmp_path: Path, delay: int
) -> None:
    machine.load_state(power_on)
    machine.tick(delay)
    assert booted(machine, tmp_path) < MOST_FRAMES
    assert has_control(machine)
    assert (name(machine, W_PLAYER_NAME), name(machine, W_RIVAL_NAME)) == (letters("ROBIN"), letters("BRIAR"))


@pytest.mark.parametrize("buttons", LEFT_BEHIND, ids=" ".join)
def test_the_cartridge_reaches_control_from_any_screen(
    machine: Emulator, power_on: bytes, tmp_path: Path, buttons: tuple[str, ...]
) -> None:
    machine.load_state(power_on)
    leave_behind(machine, buttons)
    assert not in_play(machine)
    assert booted(machine, tmp_path) < MOST_FRAMES
    assert has_control(machine)
    assert name(machine, W_PLAYER_NAME)
    assert name(machine, W_RIVAL_NAME) == letters("BRIAR")


def test_has_control_presses_nothing_before_a_game_has_started(machine: Emulator, power_on: bytes) -> None:
    machine.load_state(power_on)
    leave_behind(machine, ("a", "a"))
    before = machine.actions, machine.memory[0xCEE9]
    assert not has_control(machine)
    assert (machine.actions, machine.memory[0xCEE9]) == before


# --- the model of the original ---
def test_the_old_script_submits_empty_names_forever() -> None:
    for delay in DELAYS[::8]:
        model = Opening()
        model.tick(delay)
        assert not old_boot(model, boot.MAX_FRAMES)
        assert model.empty_names > 100


@pytest.mark.parametrize("speech", [(90, 70, 110, 60, 50), (1, 2), (200,) * 8], ids=str)
def test_the_original_reaches_control_whenever_the_script_starts(
    tmp_path: Path, speech: tuple[int, ...]
) -> None:
    for delay in DELAYS:
        model = Opening(speech)
        model.tick(delay)
        booted(cast(Emulator, model), tmp_path)
        assert has_control(cast(Emulator, model))
        assert name(model, W_PLAYER_NAME) == name(model, W_RIVAL_NAME) == bytes([0x81] * 4), "ready names"
        assert model.empty_names == 0


@pytest.mark.parametrize("buttons", LEFT_BEHIND, ids=" ".join)
def test_the_original_reaches_control_from_any_screen(tmp_path: Path, buttons: tuple[str, ...]) -> None:
    model = Opening()
    leave_behind(cast(Emulator, model), buttons)
    booted(cast(Emulator, model), tmp_path)
    assert name(model, W_PLAYER_NAME)
    assert model.empty_names <= 1


def test_menus_without_their_facts_in_memory_are_left_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the menu's bytes the script opens both naming screens, and types a name there."""
    monkeypatch.setattr(boot, "ON_NEW_NAME", ())
    for delay in DELAYS:
        model = Opening()
        model.tick(delay)
        booted(cast(Emulator, model), tmp_path)
        assert name(model, W_PLAYER_NAME) and name(model, W_RIVAL_NAME)


# --- boots that fail ---
def test_a_game_with_other_addresses_ends_with_one_line_and_a_strip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "W_STATUS_FLAGS_6", 0xD733)
    picture = tmp_path / "deep" / "last.png"
    model = Opening()
    with pytest.raises(BootError) as error:
        boot_to_control(cast(Emulator, model), picture)
    assert isinstance(error.value, UserError)
    assert str(error.value) == (
        "ROM model.gb (MODEL): no control of the player after 40000 frames of pressing A and START; "
        f"the last screen is in {picture}"
    )
    assert 40_000 < model.frame_count < 40_200
    strip = error.value.strip
    assert strip.shape == (144, 160 * STRIP_PICTURES)
    assert np.array_equal(np.asarray(Image.open(picture)), strip[:, -160:])
    assert len(np.unique(strip[0, ::160])) == STRIP_PICTURES, "each of another moment"
