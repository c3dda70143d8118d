"""Tests of the opening, which is as difficult for a script as the original's.

The bedroom is in memory throughout the speech, the menu of names waits for A on NEW NAME, and the naming
screen has its own rules.
"""

from __future__ import annotations

import pytest

from envs.game_boy.emulator import Emulator
from envs.ram import read_state

MENU = slice(0xCC24, 0xCC2A)  # first entry's y and x, entry, tile, last entry, buttons that leave
LENGTH, SUBMITTED = 0xCEE9, 0xCEEA
PLAYER, RIVAL, MONEY = 0xD158, 0xD34A, 3000
FLAGS, TIME_COUNTS = 0xD732, 0x01
PLAY_TIME = slice(0xDA41, 0xDA46)
FIRST_LINE = slice(0xC3A0 + 14 * 20, 0xC3A0 + 15 * 20)  # of the text box
BEDROOM = 38
NAME_END = 0x50
READY = {PLAYER: ["ROBIN", "WREN", "SAGE"], RIVAL: ["BRIAR", "FLINT", "MOSS"]}
NAMING_SCREEN = (3, 7, 0xFF)


def press(machine: Emulator, buttons: str) -> None:
    """One action of 24 frames for each button of ``buttons``: "a down*3"."""
    for word in buttons.split():
        button, _, times = word.partition("*")
        for _ in range(int(times or 1)):
            machine.act(button)


def menu(machine: Emulator) -> tuple[int, ...]:
    """Position of the first entry (y, x), last entry, and buttons that leave the menu."""
    y, x, _, _, last, keys = machine.memory[MENU]
    return y, x, last, keys


def entry(machine: Emulator) -> int:
    return machine.memory[0xCC26]


def cursor(machine: Emulator) -> tuple[int, int]:
    """Column and row on the naming screen."""
    return machine.memory[0xCC25], machine.memory[0xCC26]


def name_at(machine: Emulator, address: int) -> str:
    """A name of capital and small letters, in the game's character set."""
    data = bytes(machine.memory[address : address + 11])
    codes = data[: data.index(NAME_END)]
    return "".join(chr(c - 0x80 + ord("A")) if c < 0x9A else chr(c - 0xA0 + ord("a")) for c in codes)


def in_play(machine: Emulator) -> bool:
    return bool(machine.memory[FLAGS] & TIME_COUNTS)


def naming_screen(machine: Emulator) -> bool:
    y, _, last, keys = menu(machine)
    return (y, last, keys) == NAMING_SCREEN


def to_menu_of_names(machine: Emulator) -> None:
    """Press A up to the next menu of names."""
    for _ in range(60):
        if menu(machine) == (2, 1, 3, 0x01) and entry(machine) == 0:
            return
        machine.act("a")
    pytest.fail("no menu of names")


def to_the_bedroom(machine: Emulator) -> None:
    """Press A from the last name on until the player has control."""
    for _ in range(40):
        if in_play(machine):
            machine.act(None, 60)
            return
        machine.act("a")
    pytest.fail("no bedroom")


@pytest.fixture
def speech(emulator: Emulator) -> Emulator:
    """The first box of the speech."""
    emulator.tick(200)
    press(emulator, "start a")
    emulator.act(None, 120)
    return emulator


@pytest.fixture
def names(speech: Emulator) -> Emulator:
    """The menu of the player's names."""
    to_menu_of_names(speech)
    return speech


@pytest.fixture
def naming(names: Emulator) -> Emulator:
    """The naming screen for the player's name."""
    press(names, "a")
    assert naming_screen(names)
    return names


# --- the speech ---
def test_memory_shows_the_bedroom_at_rest_throughout_the_speech(speech: Emulator) -> None:
    for button in ("a", "b", "down", "up", "left", "right", "start", "a", "b", "a", "a"):
        speech.act(button)
        now = read_state(speech.memory)
        assert (now.map_id, now.x, now.y) == (BEDROOM, 3, 6)
        assert (now.facing, now.joy_ignore, now.walk_counter, now.battle) == (0, 0, 0, 0)
        assert now.money == MONEY
        assert not in_play(speech)
        assert not any(speech.memory[PLAY_TIME])


def test_only_a_and_b_continue_the_speech(speech: Emulator) -> None:
    before = speech.memory[FIRST_LINE]
    press(speech, "start select up down left right")
    assert speech.memory[FIRST_LINE] == before
    press(speech, "b")
    assert speech.memory[FIRST_LINE] != before


def test_play_time_counts_from_the_bedroom_on(names: Emulator) -> None:
    press(names, "down a")
    to_menu_of_names(names)
    press(names, "down a")
    assert not in_play(names)
    while not in_play(names):
        names.act("a", 1, 1)
        names.tick(1)
    assert names.memory[0xDA45] <= 2
    names.act(None, 130)
    assert list(names.memory[PLAY_TIME])[3] == 2
    now = read_state(names.memory)
    assert (now.map_id, now.x, now.y, now.facing, now.joy_ignore) == (BEDROOM, 3, 6, 4, 0)
    assert names.memory[FLAGS] == TIME_COUNTS, "nothing else is set there"


# --- the menu of names ---
def test_the_menu_waits_on_new_name_for_a_only(names: Emulator) -> None:
    press(names, "b start select left right b start")
    assert menu(names) == (2, 1, 3, 0x01)
    assert entry(names) == 0


def test_the_menus_cursor_stops_at_both_ends(names: Emulator) -> None:
    seen = []
    for button in ("up", "down", "down", "down", "down", "up"):
        names.act(button)
        seen.append(entry(names))
    assert seen == [0, 1, 2, 3, 3, 2]


@pytest.mark.parametrize("pick", [1, 2, 3])
def test_a_suggested_name_is_kept(names: Emulator, pick: int) -> None:
    press(names, f"down*{pick} a")
    assert name_at(names, PLAYER) == READY[PLAYER][pick - 1]
    to_menu_of_names(names)
    press(names, f"down*{pick} a")
    assert name_at(names, RIVAL) == READY[RIVAL][pick - 1]
    to_the_bedroom(names)
    assert name_at(names, PLAYER) == READY[PLAYER][pick - 1]


# --- the naming screen ---
def test_a_types_b_deletes_and_start_submits(naming: Emulator) -> None:
    press(naming, "a right a down a left*2 b b")
    assert naming.memory[LENGTH] == 1
    assert cursor(naming) == (17, 2)
    press(naming, "a b*3")
    assert naming.memory[LENGTH] == 0
    press(naming, "a right a start")
    naming.act(None)
    assert naming.memory[SUBMITTED] == 1
    assert name_at(naming, PLAYER) == "RJ"
    to_menu_of_names(naming)
    assert name_at(naming, PLAYER) == "RJ"


def test_an_empty_name_is_never_accepted(naming: Emulator) -> None:
    for way in ("start", "a b start", "left down*4 a", "right*2 start", "up*2 left a"):
        press(naming, way)
        naming.act(None)
        assert naming_screen(naming), way
        assert cursor(naming) == (1, 1), "the screen is redrawn"
        assert naming.memory[LENGTH] == naming.memory[SUBMITTED] == 0
        assert naming.memory[PLAYER] == NAME_END
    assert not in_play(naming)


def test_seven_letters_fill_the_name_and_lead_to_the_end_tile(naming: Emulator) -> None:
    press(naming, "right a*6")
    assert cursor(naming) == (3, 1)
    press(naming, "a")
    assert (naming.memory[LENGTH], cursor(naming)) == (7, (17, 5))
    press(naming, "left a")
    assert (naming.memory[LENGTH], naming.memory[SUBMITTED], cursor(naming)) == (7, 0, (17, 5))
    press(naming, "b up left*7 a")
    assert (naming.memory[LENGTH], cursor(naming)) == (7, (17, 5))
    press(naming, "a")
    naming.act(None)
    assert naming.memory[SUBMITTED] == 1
    assert bytes(naming.memory[PLAYER : PLAYER + 8]) == bytes([0x81] * 6 + [0x9A, NAME_END])


def test_the_cursor_wraps_at_the_edges(naming: Emulator) -> None:
    way = [("up", (1, 6)), ("left", (1, 6)), ("right", (1, 6)), ("down", (1, 1)), ("left", (17, 1))]
    way += [("right", (1, 1)), ("down", (1, 2)), ("up", (1, 1)), ("right", (3, 1)), ("up", (1, 6))]
    for button, place in way:
        naming.act(button)
        assert cursor(naming) == place


def test_select_and_the_lowest_row_switch_the_case(naming: Emulator) -> None:
    press(naming, "a select a up a down a select right a start")
    naming.act(None)
    assert name_at(naming, PLAYER) == "AaAb"


def test_the_rivals_name_is_typed_the_same_way(names: Emulator) -> None:
    press(names, "down a")
    to_menu_of_names(names)
    press(names, "a start")
    names.act(None)
    assert naming_screen(names)
    press(names, "right*2 down a start")
    to_the_bedroom(names)
    assert (name_at(names, PLAYER), name_at(names, RIVAL)) == ("ROBIN", "L")
