"""Tiles outside of maps and impossible memory pay nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envs.ram import GameState
from tests.rewards.play import HERO, START, UNITS, Play, earn

PAYING = {name: value for name, value in UNITS.items() if not name.startswith("penalty_")}


@pytest.mark.parametrize("map_id", [34, 231, 255])
def test_tiles_outside_of_maps_earn_nothing(map_id: int) -> None:
    outside = [GameState(map_id=map_id, x=8, y=y) for y in range(150, 200)]
    assert earn(outside, PAYING)["total"] == 0


def test_tiles_beyond_the_size_in_memory_earn_nothing() -> None:
    start = START._replace(x=0, y=9, map_width=6, map_height=5)
    assert earn(Play(start).walk(dx=15).moments, PAYING)["exploration_new_tile"] == 11
    assert earn(Play(start).walk(dy=15).moments, PAYING)["exploration_new_tile"] == 0


def test_being_stuck_costs_outside_of_a_map_as_well() -> None:
    outside = [START, *(START._replace(map_id=34, x=8, y=y) for y in range(150, 200))]
    earned = earn(outside, {"exploration_new_tile": 1.0, "penalty_stuck": -1.0, "stuck_after": 10})
    assert earned["penalty_stuck"] == -40
    step_off = [START._replace(y=36), *(START._replace(x=x % 20, y=36) for x in range(49))]
    assert earn(step_off, {"penalty_stuck": -1.0, "stuck_after": 10})["penalty_stuck"] == -39


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_impossible_memory_pays_nothing_however_long_it_holds(steps: int) -> None:
    high = START._replace(party=(replace(HERO, level=255),))
    full = START._replace(event_bytes=b"\xff" * 320, badges=255)
    for wrong in (high, full, full._replace(event_bytes=START.event_bytes), full._replace(badges=0)):
        moments = [START, START, *[wrong] * steps, START, START]
        assert earn(moments, PAYING)["total"] == 0


def test_moments_after_it_pay_as_usual() -> None:
    wrong = START._replace(party=(replace(HERO, level=255),), badges=255, event_bytes=b"\xff" * 320)
    play = Play().then(**wrong._asdict()).hold(3).then(**START._asdict()).hold()
    play.team(replace(HERO, level=7)).then(badges=1).hold().then(event_bytes=b"\x03" + bytes(319)).hold()
    earned = earn(play.moments)
    assert (earned["milestone_level_up"], earned["milestone_badge"], earned["milestone_event"]) == (2, 1, 2)
