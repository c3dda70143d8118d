"""Tests of ledges, poison, blackouts, and people who walk about."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from envs.cartridge.walkthrough.atlas import LEDGE, Place, atlas
from envs.game_boy.emulator import Emulator
from envs.ram import GameState, read_state

State = Callable[[str], bytes]

MON = 0xD16B
HP, STATUS = MON + 1, MON + 4
REPEL_STEPS = 0xD0DB
POISONED = 1 << 3
HOME_TOWN, ROUTE_1 = 0, 12
DOWN = 0x0
SCROLL_Y, SCROLL_X, OAM, PERSON = 0xFF42, 0xFF43, 0xFE00, 16
"""Sprites have 4 bytes each; a person has four sprites, and the first four are the player's."""


def press(machine: Emulator, *buttons: str) -> GameState:
    """One action of 24 frames for each button."""
    for button in buttons:
        machine.act(button)
    return read_state(machine.memory)


@pytest.fixture
def road(emulator: Emulator, state: State) -> Emulator:
    """On route 1 with the first creature."""
    emulator.load_state(state("route1"))
    return emulator


def poke(machine: Emulator, address: int, value: int) -> None:
    """Change one byte of work RAM."""
    machine._pyboy.memory[address] = value  # the harness itself never writes to the game's memory


def stand(machine: Emulator, x: int, y: int) -> None:
    """Put the player there; opening the team's screen redraws the map."""
    poke(machine, 0xD362, x)
    poke(machine, 0xD361, y)
    now = press(machine, "start", "a", "b", "b", "b")
    assert (now.x, now.y) == (x, y)


def test_a_ledge_can_be_jumped_down_but_not_climbed(road: Emulator) -> None:
    stand(road, 6, 28)
    road.press("down")
    road.tick(8)
    road.release("down")
    road.tick(40)
    now = read_state(road.memory)
    assert (now.map_id, now.x, now.y, now.facing) == (ROUTE_1, 6, 30, DOWN)
    now = press(road, "up", "up")
    assert now.y == 30


def test_below_every_ledge_there_is_room_to_land(road: Emulator) -> None:
    """For all ledges of route 1, with a step from each landing."""
    source = atlas().by_number[ROUTE_1]
    ledges = [
        (x, y)
        for y in range(source.height)
        for x in range(source.width)
        if LEDGE in atlas().attributes(Place(ROUTE_1, x, y))
    ]
    assert len(ledges) > 30
    for x, y in ledges:
        stand(road, x, y - 1)
        poke(road, REPEL_STEPS, 100)  # some land in tall grass
        for _ in range(12):  # a turn, a step, and time for a person there to walk on
            press(road, "down")
            road.tick(60)
            now = read_state(road.memory)
            if now.y > y:
                break
        assert (now.x, now.y) == (x, y + 1)
        assert atlas().next_steps(Place(ROUTE_1, x, y + 1))


def test_poison_leads_to_a_blackout(road: Emulator) -> None:
    """Every fourth step takes one HP; with the last one, half the money is lost and the team is healed."""
    stand(road, 8, 29)  # on the road, away from grass
    for address, value in ((HP, 0), (HP + 1, 2), (STATUS, POISONED)):
        poke(road, address, value)
    before = read_state(road.memory)
    lost = False
    for i in range(40):
        now = press(road, "down" if i % 2 else "up")
        lost = lost or now.battle == -1
        if lost and now.map_id == HOME_TOWN and now.battle == 0:
            break
    assert lost
    assert now.map_id == HOME_TOWN
    assert now.money == before.money // 2
    assert now.party[0].hp == now.party[0].max_hp
    assert now.party[0].status == 0
    press(road, "down")
    assert read_state(road.memory).joy_ignore == 0


def test_people_keep_their_place_on_the_ground_while_the_player_walks(road: Emulator) -> None:
    """Sprite plus scroll is a place on the ground, which changes by at most one pixel per frame."""
    stand(road, 5, 27)
    places = []
    for i in range(40):
        button = ("left", "right")[i % 2]
        road.press(button)
        for frame in range(24):
            if frame == 8:
                road.release(button)
            road.tick(1)
            y, x = road.memory[OAM + PERSON], road.memory[OAM + PERSON + 1]
            places.append(((x + road.memory[SCROLL_X]) % 256, (y + road.memory[SCROLL_Y]) % 256))
        road.release(button)
    steps = {abs(x - a) + abs(y - b) for (x, y), (a, b) in itertools.pairwise(places)}
    assert steps == {0, 1}
