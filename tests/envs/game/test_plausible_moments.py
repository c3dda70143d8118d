"""Impossible moments are replaced and counted; all others pass unchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings

from envs.game.maps import MAP_SIZES
from envs.game.plausibility import near_map
from envs.game.plausible_moments import PlausibleMoments, on_map, plain_state, state_from
from envs.ram import GameState, PartyMon
from tests.rewards.play import HERO, START, sequences

ALL_EVENTS = b"\xff" * 320
IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "level": {"party": (replace(HERO, level=255),)},
    "species": {"party": (replace(HERO, species=255),)},
    "hp": {"party": (replace(HERO, hp=0xFFFF),)},
    "maximum of hp": {"party": (replace(HERO, max_hp=1000),)},
    "all events": {"event_bytes": ALL_EVENTS},
    "many events at once": {"event_bytes": b"\xff" * 6 + bytes(314)},
    "two badges at once": {"badges": 3},
    "all badges": {"badges": 255},
    "no such map": {"map_id": 231},
    "left of the map": {"map_id": 34, "x": 22},
    "below the map": {"map_id": 34, "x": 8, "y": 150},
    "enemy's level": {"battle": 1, "enemy_level": 101},
    "enemy's hp": {"battle": 2, "enemy_hp": 1000},
}


@pytest.mark.parametrize("changes", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_impossible_moments_are_left_out_and_counted(changes: dict[str, Any]) -> None:
    moments, wrong = PlausibleMoments(), START._replace(**changes)
    moments.reset(START)
    after = START._replace(money=5)
    assert moments.step(START, START) == (START, START)
    assert moments.step(START, wrong) == (START, START)
    assert moments.step(wrong, wrong) == (START, START)
    assert moments.step(wrong, after) == (START, after)
    assert moments.step(after, START) == (after, START)
    assert moments.count == 2


def test_possible_moments_pass() -> None:
    grown = replace(HERO, level=100, hp=703, max_hp=703, species=190)
    last = START._replace(party=(grown,), badges=1, event_bytes=b"\xff" * 5 + bytes(315))
    walk = [
        START, last, last._replace(x=255), last._replace(y=36), last._replace(battle=1, enemy_level=100),
        last._replace(badges=0), last._replace(badges=3), START, last._replace(badges=3),
    ]  # fmt: skip
    moments = PlausibleMoments()
    moments.reset(START)
    for before, now in pairwise(walk):
        assert moments.step(before, now) == (before, now)
    assert moments.count == 0


def test_tiles_lie_within_the_tables_size_and_the_size_in_memory() -> None:
    for map_id, (width, height) in MAP_SIZES.items():
        corner = GameState(map_id=map_id, x=2 * width - 1, y=2 * height - 1)
        if width and height:
            assert on_map(corner)
        assert not on_map(corner._replace(x=2 * width))
        assert not on_map(corner._replace(y=2 * height))
        assert near_map(corner._replace(x=2 * width, y=255))
    smaller = GameState(map_id=12, map_width=6, map_height=5)
    assert on_map(smaller._replace(x=11, y=9))
    assert not on_map(smaller._replace(x=12))
    assert not on_map(smaller._replace(y=10))


@given(sequences)
@settings(max_examples=50, deadline=None)
def test_a_restored_snapshot_continues_identically(walk: list[GameState]) -> None:
    moments, other = PlausibleMoments(), PlausibleMoments()
    moments.reset(walk[0])
    for before, now in pairwise(walk * 2):
        other.restore(json.loads(json.dumps(moments.snapshot())))
        assert other.step(before, now) == moments.step(before, now)
        assert other.count == moments.count


def test_a_state_survives_the_round_trip_through_json() -> None:
    state = START._replace(party=(HERO, PartyMon(1, 2, 3, 4, 5, (1, 2, 3, 4), (5, 6, 7, 8))), bag=((4, 1),))
    assert state_from(json.loads(json.dumps(plain_state(state)))) == state
