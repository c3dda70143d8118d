"""Scripted farms: no loop of play earns more from a term than honest play of the same length.

Each farm runs for 1,000 actions and is compared with 1,000 honest ones: walking to new places, battles fought
to the end, and milestones. Then every term's protection is removed, and a farm succeeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.errors import UserError
from envs.ram import GameState, PartyMon
from rewards import coefficients, dense, sparse, very_sparse
from rewards.base import EpisodeMemory
from rewards.stack import RewardStack
from tests.rewards.farms import (
    ACTIONS,
    FARMS,
    LOOPED,
    Farm,
    buy_and_sell,
    buy_the_ticket,
    catch_nothing,
    commute,
    deposit_and_withdraw,
    draw_out_a_battle,
    drink_potions_in_battle,
    flee_and_return,
    flee_on_the_spot,
    flicker,
    heal_in_circles,
    hit_and_run,
    honest,
    loop,
    lose_on_purpose,
    lose_to_a_trainer,
    lose_to_be_healed,
    open_menus,
    re_enter_rooms,
    stand_still,
    swap_boxes,
    swap_two_of_a_kind,
    toggle_badges,
    toggle_events,
    trade_to_and_fro,
    train_weak_ones_in_turn,
    walk_a_circle,
)
from tests.rewards.play import UNITS, Play, earn, sequences

PENALTIES = ("penalty_step", "penalty_wall", "penalty_stuck", "battle_loss")


@pytest.mark.parametrize("farm", FARMS, ids=[farm.__name__ for farm in FARMS])
def test_a_farm_earns_no_more_than_honest_play(farm: Farm) -> None:
    fair, farmed = honest(), earn(loop(farm), LOOPED)
    for name in fair.keys() - {"total", *PENALTIES}:
        assert farmed[name] <= fair[name] + 1e-9, name
    for name in PENALTIES:
        assert farmed[name] <= 0, name
    assert farmed["total"] < fair["total"]


def test_honest_play_earns_from_every_term() -> None:
    fair = honest()
    assert {name for name in fair if fair[name] > 0} - {"total"} == set(fair) - {"total", *PENALTIES}
    assert fair["battle_win"] == fair["battle_start_bonus"] > 20
    assert fair["exploration_new_tile"] > 300
    assert (fair["milestone_badge"], fair["milestone_event"], fair["milestone_key_location"]) == (1, 3, 2)


NET_ZERO: list[tuple[Farm, dict[str, float]]] = [
    # upper bounds of what each term pays in total, independent of honest play
    (flee_and_return, {"battle_start_bonus": 0, "battle_hp_delta": 0, "exploration_new_tile": 1}),
    (hit_and_run, {"battle_start_bonus": 0, "battle_hp_delta": 0}),
    (draw_out_a_battle, {"battle_start_bonus": 1, "battle_hp_delta": 0.125, "battle_win": 0}),
    (drink_potions_in_battle, {"battle_start_bonus": 1, "battle_hp_delta": 0, "battle_win": 0}),
    (lose_on_purpose, {"battle_start_bonus": 0, "battle_hp_delta": 0, "exploration_new_tile": 0}),
    (lose_to_a_trainer, {"battle_start_bonus": 0, "battle_hp_delta": 0, "battle_win": 0}),
    (heal_in_circles, {"battle_hp_delta": 0, "exploration_new_tile": 2}),
    (deposit_and_withdraw, {"milestone_level_up": 0}),
    (train_weak_ones_in_turn, {"milestone_level_up": 6}),
    (swap_two_of_a_kind, {"milestone_level_up": 0}),
    (swap_boxes, {"milestone_level_up": 0}),
    (trade_to_and_fro, {"milestone_level_up": 0}),
    (re_enter_rooms, {"exploration_new_tile": 3, "milestone_key_location": 0, "exploration_recent_tile": 8}),
    (open_menus, {"exploration_new_tile": 0, "exploration_recent_tile": 1}),
    (buy_and_sell, {"exploration_new_tile": 0, "milestone_event": 0}),
    (buy_the_ticket, {"milestone_event": 0}),
    (walk_a_circle, {"exploration_new_tile": 23, "exploration_recent_tile": 48}),
    (re_enter_rooms, {"milestone_goal": 1}),
    (toggle_events, {"milestone_event": 2}),
    (toggle_badges, {"milestone_badge": 1}),
    (commute, {"milestone_key_location": 1}),
    (catch_nothing, {"battle_start_bonus": 0, "battle_hp_delta": 0, "battle_win": 0}),
    (flicker, {"battle_start_bonus": 1, "battle_win": 0}),
]


@pytest.mark.parametrize(("farm", "most"), NET_ZERO, ids=[farm.__name__ for farm, _ in NET_ZERO])
def test_a_farm_nets_next_to_nothing(farm: Farm, most: dict[str, float]) -> None:
    earned = earn(loop(farm), LOOPED)
    for name, bound in most.items():
        assert earned[name] <= bound + 1e-9, name


Mutate = Callable[[pytest.MonkeyPatch], None]


def tiles_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    visit = dense._visit

    def forgetful(places: Any, *rest: Any) -> None:
        places.tiles.clear()
        visit(places, *rest)

    patch.setattr(dense, "_visit", forgetful)


def recent_tiles_are_not_halved(patch: pytest.MonkeyPatch) -> None:
    visit = dense._visit

    def generous(places: Any, tile: int, step: int, window: int) -> None:
        visit(places, tile, step, window)
        places.tiles[tile] = (step, 0)

    patch.setattr(dense, "_visit", generous)


def signs_are_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(coefficients, "_check_value", lambda name, value: None)


def a_flight_is_progress(patch: pytest.MonkeyPatch) -> None:
    observe = dense.observe_progress

    def lenient(memory: EpisodeMemory) -> None:
        observe(memory)
        if memory.battle.ended is not None:
            memory.steps_without_progress = memory.steps_before_battle = 0

    patch.setattr(dense, "observe_progress", lenient)


def flights_are_not_refunded(patch: pytest.MonkeyPatch) -> None:
    settle = sparse._settle
    patch.setattr(
        sparse, "_settle", lambda battle, *, finished, refund: settle(battle, finished=True, refund=False)
    )


def an_end_is_not_confirmed(patch: pytest.MonkeyPatch) -> None:
    come_to_an_end = sparse._come_to_an_end

    def rash(battle: Any, before: GameState, now: GameState) -> None:
        come_to_an_end(battle, before, now)
        sparse._close(battle, now)

    patch.setattr(sparse, "_come_to_an_end", rash)


def marks_fall(*names: str) -> Mutate:
    """Let milestones that no longer hold be reached again."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        observe = very_sparse.observe

        def forgetful(memory: EpisodeMemory, before: GameState, now: GameState, key_maps: Any) -> None:
            held = {"badges": now.badges, "events": very_sparse.event_bits(now), "maps": {now.map_id}}
            for name in names:
                setattr(memory.progress, name, getattr(memory.progress, name) & held[name])
            observe(memory, before, now, key_maps)

        patch.setattr(very_sparse, "observe", forgetful)

    return mutate


def goals_stay_open(patch: pytest.MonkeyPatch) -> None:
    """Let the goal be reached again."""
    observe = very_sparse.observe_goal

    def forgetful(memory: EpisodeMemory, before: GameState, now: GameState, goal: Any) -> None:
        memory.progress.open_goals = tuple(range(len(goal)))
        observe(memory, before, now, goal)

    patch.setattr(very_sparse, "observe_goal", forgetful)


def any_rise_is_a_level(patch: pytest.MonkeyPatch) -> None:
    def gained(progress: Any, before: GameState, now: GameState) -> int:
        return max(0, sum(very_sparse.ranks(now)) - sum(very_sparse.ranks(before)))

    patch.setattr(very_sparse, "_new_levels", gained)


def marks_go_with_the_party(patch: pytest.MonkeyPatch) -> None:
    """Start new marks with every new party."""
    count = very_sparse._new_levels

    def forgetful(progress: Any, before: GameState, now: GameState) -> int:
        if very_sparse.species_of(now) != progress.party:
            progress.levels = very_sparse.ranks(now)
        return count(progress, before, now)

    patch.setattr(very_sparse, "_new_levels", forgetful)


@dataclass(frozen=True)
class Guard:
    """A way to remove a term's protection, and a farm that then earns too much.

    ``most`` is what the farm may earn; None: as much as honest play. ``sign`` multiplies the coefficient.
    """

    mutate: Mutate
    farm: Farm
    most: float | None = None
    sign: float = 1.0


GUARDS = [
    ("exploration_new_tile", Guard(tiles_are_forgotten, walk_a_circle)),
    ("exploration_forward_tile", Guard(tiles_are_forgotten, walk_a_circle)),
    ("exploration_recent_tile", Guard(recent_tiles_are_not_halved, walk_a_circle)),
    # Penalties are protected by the sign that their coefficients must have.
    ("penalty_step", Guard(signs_are_not_checked, stand_still, most=0, sign=-1.0)),
    ("penalty_wall", Guard(signs_are_not_checked, stand_still, most=0, sign=-1.0)),
    ("battle_loss", Guard(signs_are_not_checked, lose_to_be_healed, most=0, sign=-1.0)),
    ("penalty_stuck", Guard(a_flight_is_progress, flee_on_the_spot, most=-ACTIONS / 4)),
    ("battle_start_bonus", Guard(flights_are_not_refunded, flee_and_return)),
    ("battle_hp_delta", Guard(flights_are_not_refunded, hit_and_run)),
    ("battle_start_bonus", Guard(flights_are_not_refunded, lose_on_purpose, most=0)),
    ("battle_hp_delta", Guard(flights_are_not_refunded, lose_to_a_trainer, most=0)),
    ("battle_win", Guard(an_end_is_not_confirmed, flicker)),
    ("milestone_badge", Guard(marks_fall("badges"), toggle_badges)),
    ("milestone_event", Guard(marks_fall("events"), toggle_events)),
    ("milestone_key_location", Guard(marks_fall("maps"), commute)),
    ("milestone_goal", Guard(goals_stay_open, re_enter_rooms)),
    ("milestone_level_up", Guard(any_rise_is_a_level, deposit_and_withdraw)),
    ("milestone_level_up", Guard(marks_go_with_the_party, train_weak_ones_in_turn)),
]


def gain(name: str, guard: Guard) -> float:
    """Return what the farm earns from the term; 0 if its coefficient is refused."""
    try:
        return earn(loop(guard.farm), LOOPED | {name: LOOPED[name] * guard.sign})[name]
    except UserError:
        return 0.0


def test_every_term_has_a_tested_guard() -> None:
    terms = {term.name for term in (*dense.TERMS, *sparse.TERMS, *very_sparse.TERMS)} | {"penalty_stuck"}
    assert terms == {name for name, _ in GUARDS}


@pytest.mark.parametrize(("name", "guard"), GUARDS, ids=[f"{n}-{g.farm.__name__}" for n, g in GUARDS])
def test_a_term_without_its_protection_is_farmed(
    name: str, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = honest()[name] if guard.most is None else guard.most
    assert gain(name, guard) <= most + 1e-9
    guard.mutate(monkeypatch)
    assert gain(name, guard) > most + 1


battle_scripts = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(("hit", "hurt")), st.integers(-8, 12)), max_size=6),
        st.sampled_from(("flee", "flee", "flee", "win", "lose")),
    ),
    max_size=8,
)


@given(battle_scripts)
@settings(max_examples=100, deadline=None)
def test_only_won_battles_pay(script: list[tuple[list[tuple[str, int]], str]]) -> None:
    play, won, lost = Play(), 0, 0
    for blows, end in script:
        play.heal().meet(16)
        for kind, hp in blows:
            if kind == "hit":
                play.hit(max(hp, 0))
            else:
                play.hurt(min(hp, play.now.party[0].hp - 1))
        getattr(play, end)()
        won, lost = won + (end == "win"), lost + (end == "lose")
    earned = earn(play.moments)
    assert earned["battle_start_bonus"] == won
    assert earned["battle_win"] == won
    assert earned["battle_loss"] == -lost
    assert earned["battle_hp_delta"] <= won + 1e-9


@given(st.lists(st.integers(0, 15), min_size=1, max_size=20), st.floats(0.9, 1.0))
@settings(max_examples=60, deadline=None)
def test_discounting_does_not_make_fleeing_pay(hits: list[int], gamma: float) -> None:
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
    most = 0
    for i in range(100):
        before = play.now
        mons = tuple(PartyMon(1 + (i * 7 + k) % 190, 5, 5, 5) for k in range(3))
        script = Play(before).team(*mons).meet(10 + i % 9, kind=2).hit(3)
        for number in range(20):  # numbers read for an enemy while memory is inconsistent
            script.then(enemy_species=number, enemy_max_hp=20 + number).hold(1)
        for after in script.walk(dx=1).walk(dx=-1).flee().moments[1:]:
            stack.step(before, after)
            before = after
            most = max(most, len(stack.memory.battle.enemy_low))
        play.moments[-1] = before
    memory = stack.memory
    assert len(memory.places.tiles) == 2
    assert len(memory.progress.levels) == 6
    assert most == 12
    assert len(memory.battle.own_low) <= 6
