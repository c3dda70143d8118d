"""``battle_weak_decay``: wins against weak wild creatures pay less each time.

It is off by default and on in the badge configs.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.ram import PartyMon
from rewards.coefficients import DECAYING, DEFAULT_COEFFICIENTS
from tests.paths import CONFIGS
from tests.rewards.farms import beat_weak_ones, loop
from tests.rewards.play import HERO, START, UNITS, Play, earn
from training.config.loading import load_config

BADGE_CONFIGS = ("balanced_redesign", "milestone_focused_redesign", "full_game", "sparse_only")
STRONG = START._replace(party=(replace(HERO, level=20),))
HALF = UNITS | {"battle_weak_decay": 0.5}


def beat(play: Play, number: int, level: int = 3, kind: int = 1) -> Play:
    for _ in range(number):
        play.meet(12, level=level, kind=kind).win().hold(2)
    return play


def test_each_win_against_a_weak_one_pays_less_than_the_one_before() -> None:
    play = Play(STRONG)
    wins = [earn(beat(play, 1).moments, HALF)["battle_win"] for _ in range(4)]
    assert wins == [1, 1.5, 1.75, 1.875]
    earned = earn(play.moments, HALF)
    assert earned["battle_start_bonus"] == earned["battle_hp_delta"] == 1.875


def test_it_is_off_by_default() -> None:
    assert DEFAULT_COEFFICIENTS["battle_weak_decay"] == 0
    assert earn(beat(Play(STRONG), 6).moments)["battle_win"] == 6


@pytest.mark.parametrize(("level", "kind", "paid"), [(10, 1, 1.875), (11, 1, 4), (3, 2, 4)])
def test_weak_is_wild_and_of_at_most_half_the_highest_level(level: int, kind: int, paid: float) -> None:
    start = STRONG._replace(party=(replace(HERO, level=4), replace(HERO, level=20, species=36)))
    assert earn(beat(Play(start), 4, level, kind).moments, HALF)["battle_win"] == paid


def test_lost_hp_costs_the_same_and_a_flight_is_not_a_win() -> None:
    play = beat(Play(STRONG), 3)
    before = earn(play.moments, HALF)
    fled = earn([*play.moments, *Play(play.now).meet(12).hit(6).hurt(10).flee().moments[1:]], HALF)
    assert fled["battle_hp_delta"] - before["battle_hp_delta"] == pytest.approx(0.5 / 8 - 0.5)
    for _ in range(5):
        play.meet(12).flee()
    play.meet(12).win().hold(2)
    after = earn(play.moments, HALF)
    assert after["battle_win"] - before["battle_win"] == pytest.approx(1 / 8)


def test_a_catch_of_a_weak_one_counts_as_well() -> None:
    caught = PartyMon(species=165, level=3, hp=8, max_hp=16)
    play = Play(STRONG).meet(16)
    play.then(battle=0, battle_result=2, party=(*play.now.party, caught), pokedex_owned=1).hold(3)
    assert earn(beat(play, 1).moments, HALF)["battle_win"] == 0.5


@given(st.floats(0.05, 1))
@settings(max_examples=20, deadline=None)
def test_weak_ones_are_worth_a_bounded_number_of_them(decay: float) -> None:
    earned = earn(loop(beat_weak_ones, STRONG), UNITS | {"battle_weak_decay": decay})
    for name in DECAYING:
        assert earned[name] <= 1 / decay + 1, "and an unfinished one"


@pytest.mark.parametrize("name", BADGE_CONFIGS)
def test_badge_configs_pay_the_road_and_less_for_weak_ones_than_for_a_badge(name: str) -> None:
    rewards = load_config(CONFIGS / f"{name}.json").rewards
    assert min(rewards["milestone_event"], rewards["milestone_key_location"]) > 0
    farmed = earn(loop(beat_weak_ones, STRONG), rewards)["total"]
    assert farmed < rewards["milestone_badge"]
    assert earn(loop(beat_weak_ones, STRONG), rewards | {"battle_weak_decay": 0.0})["total"] > 4 * farmed


@pytest.mark.parametrize("name", BADGE_CONFIGS)
def test_badge_configs_describe_what_they_add(name: str) -> None:
    description = load_config(CONFIGS / f"{name}.json").description
    assert "far below" in description
    assert "event" in description or "story" in description


def test_discounting_gains_nothing() -> None:
    """Advance payments never exceed what the battle is worth at its end."""
    play = beat(Play(STRONG), 5)
    totals = [earn(play.moments[: n + 1], HALF)["battle_start_bonus"] for n in range(len(play.moments))]
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(totals))
