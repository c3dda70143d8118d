"""Tests of the map engine: steps, turns, walls, menus, warps, map edges, scripts, time, random numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envs.cartridge.walkthrough.story import new_player
from envs.game_boy.emulator import Emulator
from envs.ram import GameState, read_state

State = Callable[[str], bytes]

TILE_MAP = slice(0xC3A0, 0xC3A0 + 360)
WALK_COUNTER, MENU_ITEM, JOY_IGNORE, MAP = 0xCFC5, 0xCC26, 0xCD6B, 0xD35E
FLAGS, TIME_COUNTS = 0xD732, 0x01
RANDOM = slice(0xFFD3, 0xFFD5)
BEDROOM, HOUSE, HOME_TOWN, LABORATORY, ROUTE_1 = 38, 37, 0, 40, 12
DOWN, UP, LEFT, RIGHT = 0x0, 0x4, 0x8, 0xC
STEP_FRAMES = 16


def press(machine: Emulator, *buttons: str) -> GameState:
    """One action of 24 frames for each button."""
    for button in buttons:
        machine.act(button)
    return read_state(machine.memory)


def work_ram(machine: Emulator) -> bytes:
    """Work RAM without the stack, and the two random bytes."""
    return bytes(machine.memory[0xC000:0xDF00]) + bytes(machine.memory[RANDOM])


@pytest.fixture
def bedroom(emulator: Emulator, state: State) -> Emulator:
    """The start of a new game: bedroom, (3, 6), facing up, nobody else there."""
    emulator.load_state(state("bedroom"))
    if read_state(emulator.memory).y == 7:  # the boot script tests whether buttons work
        emulator.act("up")
    now = read_state(emulator.memory)
    assert (now.map_id, now.x, now.y, now.facing) == (BEDROOM, 3, 6, UP)
    return emulator


@pytest.fixture
def town(bedroom: Emulator) -> Emulator:
    """In front of the player's house in the home town, at (3, 10)."""
    path = ["up", *["right"] * 4, *["up"] * 4, *["down"] * 5, *["left"] * 3, "down"]
    now = press(bedroom, *path)
    assert (now.map_id, now.x, now.y) == (HOME_TOWN, 3, 10)
    return bedroom


# --- boot ---
def test_before_a_new_game_the_state_is_zero(emulator: Emulator) -> None:
    emulator.tick(200)
    now = read_state(emulator.memory)
    assert (now.map_id, now.x, now.y, now.badges, now.party, now.money) == (0, 0, 0, 0, (), 0)
    assert now.event_count == 0
    assert now.play_time == 0
    assert emulator.memory[JOY_IGNORE] == 0


def test_alternating_a_and_start_leads_to_the_bedroom(emulator: Emulator) -> None:
    for i in range(120):
        emulator.act("a" if i % 2 else "start")
        if emulator.memory[FLAGS] & TIME_COUNTS and emulator.memory[JOY_IGNORE] == 0:
            break
        assert emulator.memory[MAP] in (0, BEDROOM)
    emulator.act(None, 60)
    now = read_state(emulator.memory)
    assert (now.map_id, now.x, now.y, now.facing) == (BEDROOM, 3, 6, UP)
    assert now.money == 3000
    assert now.party == () and now.bag == ()
    assert emulator.memory[0xD355] == 3
    assert 0x50 in emulator.memory[0xD158:0xD163] and 0x50 in emulator.memory[0xD34A:0xD355]


# --- steps and turns ---
def test_a_step_takes_sixteen_frames_and_then_updates_the_coordinates(bedroom: Emulator) -> None:
    bedroom.press("up")
    counters = []
    for _ in range(30):
        bedroom.tick(1)
        counters.append(bedroom.memory[WALK_COUNTER])
        if counters[-1] == 0 and any(counters):
            break
        assert bedroom.memory[0xD361] == 6
    walking = [c for c in counters if c]
    assert len(walking) in (STEP_FRAMES - 1, STEP_FRAMES)  # the first frame may decrease the counter at once
    assert walking == list(range(len(walking), 0, -1))
    assert bedroom.memory[0xD361] == 5


def test_holding_a_button_walks_without_pause(bedroom: Emulator) -> None:
    press(bedroom, "up")
    bedroom.press("right")
    bedroom.tick(4 + 4 * STEP_FRAMES + 3)
    assert read_state(bedroom.memory).x == 7


def test_a_short_tap_turns_without_a_step(bedroom: Emulator) -> None:
    for button, facing in (("left", LEFT), ("right", RIGHT), ("down", DOWN), ("up", UP)):
        bedroom.act(button, held=2)
        now = read_state(bedroom.memory)
        assert (now.x, now.y, now.facing) == (3, 6, facing)


def test_eight_frames_held_turn_and_step_within_one_action(bedroom: Emulator) -> None:
    now = press(bedroom, "right")
    assert (now.x, now.y, now.facing) == (4, 6, RIGHT)
    assert bedroom.memory[WALK_COUNTER] == 0


def test_walking_into_a_wall_only_turns(bedroom: Emulator) -> None:
    now = press(bedroom, *["down"] * 4)
    assert (now.x, now.y, now.facing) == (3, 7, DOWN)


def test_houses_and_people_block_steps(town: Emulator) -> None:
    """The professor stands still at (6, 3)."""
    now = press(town, "right", "up")
    assert (now.x, now.y, now.facing) == (4, 10, UP)
    new_player(town).pilot.visit("HOME_TOWN", 7, 3)
    now = press(town, "left")
    assert (now.x, now.y, now.facing) == (7, 3, LEFT)


def test_the_tile_map_matches_the_scrolled_screen(town: Emulator) -> None:
    """A menu shows the tile map instead of the scrolled picture; the uncovered part must look the same."""
    path = "right*6 down left*2 up right*6 up*3 down left*2"
    for step in path.split():
        button, _, times = step.partition("*")
        press(town, *[button] * int(times or 1))
    town.act(None)
    tiles, picture = town.memory[TILE_MAP], town.screen()
    press(town, "start")
    assert (town.screen()[96:, :] == picture[96:, :]).all()
    press(town, "b")
    assert town.memory[TILE_MAP] == tiles


# --- menus ---
def test_start_opens_a_menu_with_a_cursor_and_b_closes_it(bedroom: Emulator) -> None:
    before = bedroom.screen()
    tiles = bedroom.memory[TILE_MAP]
    press(bedroom, "start")
    assert bedroom.memory[TILE_MAP] != tiles
    items = []
    for _ in range(5):
        items.append(bedroom.memory[MENU_ITEM])
        press(bedroom, "down")
    assert items == [0, 1, 2, 3, 0]
    now = press(bedroom, "b")
    assert (now.x, now.y) == (3, 6)
    assert bedroom.memory[TILE_MAP] == tiles
    assert press(bedroom, "up").y == 5
    assert (bedroom.screen() != before).any()


def test_options_are_kept(bedroom: Emulator) -> None:
    press(bedroom, "start", "down", "down", "a", "a")
    assert bedroom.memory[0xD355] & 7 == 5
    press(bedroom, "a", "down", "a", "down", "a")
    assert bedroom.memory[0xD355] == 0xC1
    press(bedroom, "down", "a", "b")
    assert press(bedroom, "up").y == 5


def test_a_text_blocks_walking_until_it_is_read(bedroom: Emulator) -> None:
    press(bedroom, "up", "left", "up", "up", "up")
    now = press(bedroom, "left", "up", "up", "left")
    here = (now.x, now.y)
    press(bedroom, "up", "a")
    assert press(bedroom, "down", "down", "down").y == here[1]
    press(bedroom, *["b"] * 12)
    assert press(bedroom, "down").y == here[1] + 1


# --- from map to map ---
def test_stairs_and_doors_lead_to_their_destinations(town: Emulator) -> None:
    now = read_state(town.memory)
    assert (now.facing, now.last_map) == (DOWN, 0)
    assert town.memory[0xD70B] & 1  # the home town is known
    now = press(town, "up", "b")  # an extra action for the house to load
    assert (now.map_id, now.x, now.y, now.facing) == (HOUSE, 3, 6, UP)
    assert town.memory[0xD368] == 4 and town.memory[0xD369] == 4
    assert press(town, "down", "b").map_id == HOME_TOWN


def test_the_edge_of_a_map_leads_to_its_neighbour(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("route1"))
    now = read_state(emulator.memory)
    assert now.map_id == ROUTE_1
    for _ in range(12):
        if now.map_id == HOME_TOWN:
            break
        now = press(emulator, "down")
    assert (now.map_id, now.y) == (HOME_TOWN, 0)
    assert emulator.memory[WALK_COUNTER] == 0
    seen = emulator.memory[TILE_MAP]
    press(emulator, "start", "b")  # redrawn from the other side of the edge
    assert emulator.memory[TILE_MAP] == seen
    now = press(emulator, "up")
    assert (now.map_id, now.y) == (ROUTE_1, 35)
    assert (emulator.memory[0xD368], emulator.memory[0xD369]) == (18, 10)


def test_the_town_cannot_be_left_without_a_creature_and_scripts_ignore_buttons(town: Emulator) -> None:
    new_player(town).pilot.visit("HOME_TOWN", 8, 2)
    now = press(town, "up")
    assert (now.map_id, now.x, now.y) == (HOME_TOWN, 8, 1)
    assert town.memory[JOY_IGNORE] == 0
    ignored = 0
    for _ in range(60):
        now = press(town, "a")
        ignored += now.joy_ignore == 0xFF
        if now.map_id == LABORATORY and now.joy_ignore == 0:
            break
    assert ignored > 3
    assert (now.map_id, now.x, now.y) == (LABORATORY, 4, 3)
    assert now.has_event(0)


# --- time and chance ---
def test_same_state_and_buttons_give_the_same_memory(emulator: Emulator, state: State) -> None:
    start = state("starter")
    buttons = ["up", "right", "a", "start", "down", "a", "b", "left", "b", "down"] * 12
    ends = []
    for _ in range(2):
        emulator.load_state(start)
        press(emulator, *buttons)
        ends.append(work_ram(emulator))
    assert ends[0] == ends[1]


def test_waiting_one_frame_changes_the_random_bytes(bedroom: Emulator, state: State) -> None:
    press(bedroom, "up", "down")
    first = bytes(bedroom.memory[RANDOM])
    bedroom.load_state(state("bedroom"))
    bedroom.tick(1)
    press(bedroom, "up", "down")
    assert bytes(bedroom.memory[RANDOM]) != first


def test_play_time_is_real_time(bedroom: Emulator) -> None:
    before = read_state(bedroom.memory).play_time
    bedroom.tick(60 * 125)
    assert read_state(bedroom.memory).play_time - before == 125
