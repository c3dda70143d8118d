"""Scripted exploiters: no loop of play earns more from a term than honest play of the same length.

Each farm runs for 1,000 actions and is compared with 1,000 honest ones: walking to new places, battles that
are fought to their end, and milestones on the way. Then every term's protection is taken away, and a farm
succeeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.errors import UserError
from envs.ram import MUSEUM_TICKET, GameState, PartyMon
from rewards import coefficients, dense, sparse, very_sparse
from rewards.base import EpisodeMemory
from rewards.stack import RewardStack
from tests.rewards.play import HERO, START, UNITS, Play, earn, sequences

ACTIONS = 1000
OTHER = PartyMon(species=36, level=9, hp=25, max_hp=25)
LOOPED = UNITS | {"exploration_recent_window": 20, "stuck_after": 10}
PENALTIES = ("penalty_step", "penalty_wall", "penalty_stuck", "battle_loss")
Farm = Callable[[Play], object]


def loop(body: Farm, start: GameState = START) -> list[GameState]:
    """Repeats ``body`` until 1,000 actions have passed; the moments they led to."""
    play = Play(start)
    while len(play.moments) <= ACTIONS:
        body(play)
    return play.moments[: ACTIONS + 1]


def flags(*numbers: int) -> bytes:
    held = bytearray(320)
    for number in numbers:
        held[number // 8] |= 1 << number % 8
    return bytes(held)


def honest() -> Counter[str]:
    """1,000 actions of walking to new tiles, battles won, levels gained now and then, two new places, three
    events and a badge."""
    play = Play(START._replace(x=0, y=0))
    for number, place in enumerate((12, 1, 13)):
        if number:
            play.warp(place, 0, 0)
        while len(play.moments) < (number + 1) * ACTIONS / 3 - 40:
            play.walk(dx=8).walk(dy=1).walk(dx=-8).walk(dy=1).meet(16).hit(8).hurt(3).win()
            if play.now.y % 8 == 0:
                mon = play.now.party[0]
                play.team(replace(mon, level=mon.level + 1)).heal()
        play.then(event_bytes=flags(*range(3, 4 + number))).hold()
    play.then(badges=1).hold(2)
    while len(play.moments) <= ACTIONS:
        play.walk(dx=1)
    return earn(play.moments[: ACTIONS + 1], LOOPED)


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
    play.then(event_bytes=flags(3, 9)).hold().then(event_bytes=flags()).hold()


def catch_nothing(play: Play) -> None:
    """A demonstration battle that ends without a catch, such as one that a story lets be seen again and
    again."""
    play.meet(16).then(battle=0, battle_result=2).hold(2)


def drink_potions_in_battle(play: Play) -> None:
    """The enemy hits, a potion heals, and so on; it is never hit itself."""
    if play.now.battle == 0:
        play.meet(16)
    play.hurt(12).hurt(-20)


def lose_to_be_healed(play: Play) -> None:
    """Loses on purpose, and walks back to the grass from where a blackout leads."""
    play.meet(16).hit(3).hurt(4).hurt(4).hurt(4).hurt(4).lose()
    play.walk(dy=-15).warp(12, START.x, START.y)


def trade_to_and_fro(play: Play) -> None:
    """The same creature comes back higher from every trade."""
    play.team(OTHER).team(replace(HERO, level=30)).team(OTHER).team(HERO)


def evolve_and_swap(play: Play) -> None:
    play.team(HERO).team(replace(HERO, species=154, level=6)).team(replace(HERO, species=155, level=7))


def train_weak_ones_in_turn(play: Play) -> None:
    """Catches a weak creature, lets it face one strong enemy, which is worth many levels to it, leaves it in
    the box, and takes the next, always of another kind."""
    weak = PartyMon(species=1 + len(play.moments) % 150, level=3, hp=9, max_hp=9)
    play.walk(dx=10).walk(dx=-10).meet(12).hit(6).hurt(2)
    play.then(battle=0, battle_result=2, party=(*play.now.party, weak), pokedex_owned=1).hold(2)
    play.walk(dx=10).walk(dx=-10).meet(40, level=30).hit(20).hurt(2).win().team(HERO, replace(weak, level=9))
    play.team(HERO).then(pokedex_owned=0)


def swap_boxes(play: Play) -> None:
    """Six of the party for six of a box, each set higher than the other in some slot."""
    high = tuple(PartyMon(species=10 + i, level=20 + i, hp=5, max_hp=5) for i in range(6))
    low = tuple(PartyMon(species=40 + i, level=5 + i, hp=5, max_hp=5) for i in range(6))
    play.team(*high).team(*low).team(*high[:3], *low[3:])


def toggle_badges(play: Play) -> None:
    play.then(badges=1).hold(2).then(badges=0).hold(2)


def buy_the_ticket(play: Play) -> None:
    play.then(event_bytes=flags(MUSEUM_TICKET)).hold(2).then(event_bytes=flags()).hold(2)


def commute(play: Play) -> None:
    """From one key place to another and back."""
    play.warp(1, 10, 34).walk(dy=1).warp(12, 10, 0).walk(dy=1)


def flicker(play: Play) -> None:
    """The battle's screen goes for a moment and comes back, with the same enemy on its feet."""
    if play.now.battle == 0:
        play.meet(16)
    play.then(battle=0, battle_result=0).then(battle=1).hold()


def flee_on_the_spot(play: Play) -> None:
    play.meet(16).flee()


def stand_still(play: Play) -> None:
    play.hold(5)


FARMS: tuple[Farm, ...] = (
    flee_and_return,
    hit_and_run,
    draw_out_a_battle,
    drink_potions_in_battle,
    heal_in_circles,
    lose_to_be_healed,
    deposit_and_withdraw,
    train_weak_ones_in_turn,
    swap_two_of_a_kind,
    swap_boxes,
    trade_to_and_fro,
    evolve_and_swap,
    re_enter_rooms,
    commute,
    open_menus,
    buy_and_sell,
    buy_the_ticket,
    walk_a_circle,
    toggle_events,
    toggle_badges,
    catch_nothing,
    flicker,
    flee_on_the_spot,
    stand_still,
)


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
    assert {name for name in fair if fair[name] > 0} == set(fair) - {"total", *PENALTIES}
    assert fair["battle_win"] == fair["battle_start_bonus"] > 20
    assert fair["exploration_new_tile"] > 300
    assert (fair["milestone_badge"], fair["milestone_event"], fair["milestone_key_location"]) == (1, 3, 2)


NET_ZERO: list[tuple[Farm, dict[str, float]]] = [
    # the most that a term may have paid at the end of these, whatever honest play earns
    (flee_and_return, {"battle_start_bonus": 0, "battle_hp_delta": 0, "exploration_new_tile": 1}),
    (hit_and_run, {"battle_start_bonus": 0, "battle_hp_delta": 0}),
    (draw_out_a_battle, {"battle_start_bonus": 1, "battle_hp_delta": 0.125, "battle_win": 0}),
    (drink_potions_in_battle, {"battle_start_bonus": 1, "battle_hp_delta": 0, "battle_win": 0}),
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
        sparse, "_settle", lambda battle, *, finished, fled: settle(battle, finished=True, fled=False)
    )


def an_end_is_not_confirmed(patch: pytest.MonkeyPatch) -> None:
    come_to_an_end = sparse._come_to_an_end

    def rash(battle: Any, before: GameState, now: GameState) -> None:
        come_to_an_end(battle, before, now)
        sparse._close(battle, now)

    patch.setattr(sparse, "_come_to_an_end", rash)


def marks_fall(*names: str) -> Mutate:
    """Milestones that no longer hold can be reached again."""

    def mutate(patch: pytest.MonkeyPatch) -> None:
        observe = very_sparse.observe

        def forgetful(memory: EpisodeMemory, before: GameState, now: GameState, key_maps: Any) -> None:
            held = {"badges": now.badges, "events": very_sparse.event_bits(now), "maps": {now.map_id}}
            for name in names:
                setattr(memory.progress, name, getattr(memory.progress, name) & held[name])
            observe(memory, before, now, key_maps)

        patch.setattr(very_sparse, "observe", forgetful)

    return mutate


def any_rise_is_a_level(patch: pytest.MonkeyPatch) -> None:
    def gained(progress: Any, before: GameState, now: GameState) -> int:
        return max(0, sum(very_sparse.ranks(now)) - sum(very_sparse.ranks(before)))

    patch.setattr(very_sparse, "_new_levels", gained)


@dataclass(frozen=True)
class Guard:
    """What protects a term, how to take that away, and a farm that then earns more than it may.

    ``most`` is what the farm may earn; None: what honest play does. ``sign`` multiplies the coefficient.
    """

    mutate: Mutate
    farm: Farm
    most: float | None = None
    sign: float = 1.0


GUARDS = {
    "exploration_new_tile": Guard(tiles_are_forgotten, walk_a_circle),
    "exploration_recent_tile": Guard(recent_tiles_are_not_halved, walk_a_circle),
    # What is no bonus cannot be farmed: protected by the sign that its coefficient must have.
    "penalty_step": Guard(signs_are_not_checked, stand_still, most=0, sign=-1.0),
    "penalty_wall": Guard(signs_are_not_checked, stand_still, most=0, sign=-1.0),
    "battle_loss": Guard(signs_are_not_checked, lose_to_be_healed, most=0, sign=-1.0),
    "penalty_stuck": Guard(a_flight_is_progress, flee_on_the_spot, most=-ACTIONS / 4),
    "battle_start_bonus": Guard(flights_are_not_refunded, flee_and_return),
    "battle_hp_delta": Guard(flights_are_not_refunded, hit_and_run),
    "battle_win": Guard(an_end_is_not_confirmed, flicker),
    "milestone_badge": Guard(marks_fall("badges"), toggle_badges),
    "milestone_event": Guard(marks_fall("events"), toggle_events),
    "milestone_key_location": Guard(marks_fall("maps"), commute),
    "milestone_level_up": Guard(any_rise_is_a_level, deposit_and_withdraw),
}


def gain(name: str, guard: Guard) -> float:
    """What the farm earns from the term; nothing when its coefficient is refused."""
    try:
        return earn(loop(guard.farm), LOOPED | {name: LOOPED[name] * guard.sign})[name]
    except UserError:
        return 0.0


def test_every_term_has_a_guard_that_is_tried() -> None:
    terms = {term.name for term in (*dense.TERMS, *sparse.TERMS, *very_sparse.TERMS)} | {"penalty_stuck"}
    assert terms == set(GUARDS)


@pytest.mark.parametrize("name", GUARDS)
def test_a_term_without_its_protection_is_farmed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = GUARDS[name]
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
    most = 0
    for i in range(100):
        before = play.now
        mons = tuple(PartyMon(1 + (i * 7 + k) % 190, 5, 5, 5) for k in range(3))
        script = Play(before).team(*mons).meet(10 + i % 9, kind=2).hit(3)
        for number in range(20):  # what is read as an enemy's numbers, while memory is in disorder
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
