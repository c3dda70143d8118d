"""Scripted exploiters: no loop of play earns more from a term than the term is meant to pay.

Each farm runs for 1,000 actions or more and is compared with honest play of 1,000 actions: walking to new
places, and battles that are fought to their end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.ram import GameState, PartyMon
from rewards.stack import RewardStack
from tests.rewards.play import HERO, START, UNITS, Play, earn, sequences

ACTIONS = 1000
OTHER = PartyMon(species=36, level=9, hp=25, max_hp=25)
LOOPED = UNITS | {"exploration_recent_window": 20}


def loop(body: Callable[[Play], object], start: GameState = START) -> Play:
    """Repeats ``body`` until 1,000 actions have passed."""
    play = Play(start)
    while len(play.moments) <= ACTIONS:
        body(play)
    return play


def honest() -> Counter[str]:
    """1,000 actions of walking to new tiles, with a battle won and a level gained now and then."""
    play = Play(START._replace(x=0, y=0))
    while len(play.moments) <= ACTIONS:
        play.walk(dx=8).walk(dy=1).walk(dx=-8).walk(dy=1).meet(16).hit(8).hurt(3).win()
        if play.now.y % 8 == 0:
            mon = play.now.party[0]
            play.team(replace(mon, level=mon.level + 1)).heal()
    return earn(play.moments[: ACTIONS + 1])


def flee_and_return(play: Play) -> None:
    play.walk(dx=1).meet(16).flee().walk(dx=-1)


def hit_and_run(play: Play) -> None:
    play.meet(16).hit(14).hurt(2).flee().heal()


def draw_out_a_battle(play: Play) -> None:
    """The enemy heals itself again and again; so does the player."""
    if play.now.battle == 0:
        play.meet(16)
    play.hit(10).hurt(10).then(enemy_hp=16).hold().hurt(-10)


def heal_in_circles(play: Play) -> None:
    play.hurt(5).warp(41, 3, 4).heal().warp(1, 10, 10)


def deposit_and_withdraw(play: Play) -> None:
    play.team(HERO).team(HERO, OTHER).team(OTHER).team(OTHER, HERO)


def swap_two_of_a_kind(play: Play) -> None:
    high = replace(HERO, level=12)
    play.team(HERO).team(HERO, OTHER).team(OTHER).team(high, OTHER).team(high).team(high, HERO)


def re_enter_rooms(play: Play) -> None:
    play.warp(41, 3, 4).walk(dx=2).walk(dx=-2).warp(12, START.x, START.y)


def open_menus(play: Play) -> None:
    for entry in (1, 2, 3, 0):
        play.then(menu_item=entry).hold(2)


def buy_and_sell(play: Play) -> None:
    play.then(money=100, bag=((4, 1),)).hold().then(money=200, bag=()).hold()


def walk_a_circle(play: Play) -> None:
    play.walk(dx=6).walk(dy=6).walk(dx=-6).walk(dy=-6)


def toggle_events(play: Play) -> None:
    play.then(event_bytes=bytes([255] * 2 + [0] * 318)).hold().then(event_bytes=bytes(320)).hold()


def catch_nothing(play: Play) -> None:
    """A demonstration battle that ends without a catch, such as one that a story lets be seen again and
    again."""
    play.meet(16).then(battle=0, battle_result=2).hold(2)


FARMS: list[tuple[Callable[[Play], None], dict[str, float]]] = [
    # what is the most that a term may have paid at the end of the farm
    (flee_and_return, {"battle_start_bonus": 0, "battle_hp_delta": 0, "exploration_new_tile": 1}),
    (hit_and_run, {"battle_start_bonus": 0, "battle_hp_delta": 0}),
    (draw_out_a_battle, {"battle_start_bonus": 1, "battle_hp_delta": 0.125, "battle_win": 0}),
    (heal_in_circles, {"battle_hp_delta": 0, "exploration_new_tile": 2}),
    (deposit_and_withdraw, {"milestone_level_up": 0}),
    (swap_two_of_a_kind, {"milestone_level_up": 0}),
    (re_enter_rooms, {"exploration_new_tile": 3, "milestone_key_location": 0, "exploration_recent_tile": 8}),
    (open_menus, {"exploration_new_tile": 0, "exploration_recent_tile": 1}),
    (buy_and_sell, {"exploration_new_tile": 0, "milestone_event": 0}),
    (walk_a_circle, {"exploration_new_tile": 23, "exploration_recent_tile": 48}),
    (toggle_events, {"milestone_event": 16}),
    (catch_nothing, {"battle_start_bonus": 0, "battle_hp_delta": 0, "battle_win": 0}),
]


@pytest.mark.parametrize(("farm", "most"), FARMS, ids=[farm.__name__ for farm, _ in FARMS])
def test_a_farm_earns_no_more_than_allowed(farm: Callable[[Play], None], most: dict[str, float]) -> None:
    play = loop(farm)
    earned = earn(play.moments, LOOPED)
    for name, bound in most.items():
        assert earned[name] <= bound + 1e-9, name
    others = set(earned) - set(most) - {"total"}
    for name in others:
        assert earned[name] <= 2, name


@pytest.mark.parametrize("farm", [farm for farm, _ in FARMS], ids=[farm.__name__ for farm, _ in FARMS])
def test_a_farm_earns_less_than_honest_play(farm: Callable[[Play], None]) -> None:
    fair, farmed = honest(), earn(loop(farm).moments)
    for name in (
        "exploration_new_tile",
        "battle_start_bonus",
        "battle_hp_delta",
        "battle_win",
        "milestone_level_up",
    ):
        assert farmed[name] <= fair[name], name
    assert fair["battle_win"] > 10
    assert fair["battle_hp_delta"] > 5
    assert fair["exploration_new_tile"] > 100


battle_scripts = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(("hit", "hurt")), st.integers(-8, 12)), max_size=6),
        st.sampled_from(("flee", "flee", "flee", "win", "lose")),
    ),
    max_size=8,
)


@given(battle_scripts)
@settings(max_examples=100, deadline=None)
def test_battles_pay_for_what_was_fought_to_its_end(script: list[tuple[list[tuple[str, int]], str]]) -> None:
    play, fought, won, lost = Play(), 0, 0, 0
    for blows, end in script:
        play.heal().meet(16)
        for kind, hp in blows:
            if kind == "hit":
                play.hit(max(hp, 0))
            else:
                play.hurt(hp)
        getattr(play, end)()
        fought, won, lost = fought + (end != "flee"), won + (end == "win"), lost + (end == "lose")
    earned = earn(play.moments)
    assert earned["battle_start_bonus"] == fought
    assert earned["battle_win"] == won
    assert earned["battle_loss"] == -lost
    assert earned["battle_hp_delta"] <= won + 1e-9


@given(st.lists(st.integers(0, 15), min_size=1, max_size=20), st.floats(0.9, 1.0))
@settings(max_examples=60, deadline=None)
def test_a_discount_makes_no_farm_of_fleeing(hits: list[int], gamma: float) -> None:
    play = Play()
    for hp in hits:
        play.meet(16).hit(hp).flee()
    stack = RewardStack({"battle_start_bonus": 1.0, "battle_hp_delta": 1.0})
    stack.reset(play.moments[0])
    rewards = [stack.step(a, b).total for a, b in pairwise(play.moments)]
    worth = sum(reward * gamma**step for step, reward in enumerate(rewards))
    assert sum(rewards) <= 1e-9
    assert worth <= 2  # what one battle pays in advance, however many are fled
    first_flight = next(i for i, r in enumerate(rewards) if r < 0)
    assert max(rewards[first_flight:], default=0.0) <= 1e-9


@given(sequences)
@settings(max_examples=150, deadline=None)
def test_bounds_that_hold_for_any_sequence(moments: list[GameState]) -> None:
    earned = earn(moments * 3, UNITS | {"exploration_recent_window": 1})
    tiles = {(m.map_id, m.x, m.y) for m in moments}
    battles = sum(1 for a, b in pairwise(moments * 3) if a.battle <= 0 < b.battle) + 1
    assert earned["exploration_new_tile"] <= len(tiles)
    assert earned["exploration_recent_tile"] <= 2 * len(tiles)
    assert earned["milestone_badge"] <= 8 - moments[0].badge_count
    assert earned["milestone_event"] <= 2560
    assert earned["milestone_key_location"] <= 5
    assert earned["battle_start_bonus"] <= battles
    assert earned["battle_win"] - earned["battle_loss"] <= battles
    assert earned["battle_hp_delta"] <= 6 * battles


def test_memory_stays_small_over_a_long_episode() -> None:
    stack = RewardStack(UNITS)
    play = Play()
    stack.reset(play.now)
    for i in range(400):
        before = play.now
        mons = tuple(PartyMon(1 + (i * 7 + k) % 190, 5, 5, 5) for k in range(3))
        for after in (
            Play(before).team(*mons).meet(10 + i % 9, kind=2).hit(3).flee().walk(dx=1).walk(dx=-1).moments[1:]
        ):
            stack.step(before, after)
            before = after
        play.moments[-1] = before
    memory = stack.memory
    assert len(memory.places.tiles) == 2
    assert len(memory.progress.levels) <= 64
    assert len(memory.battle.enemy_low) <= 12
    assert len(memory.battle.own_low) <= 6
