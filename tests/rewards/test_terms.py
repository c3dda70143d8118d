"""What each term pays for honest play; transients pay nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from envs.ram import MUSEUM_TICKET, GameState, PartyMon
from tests.rewards.play import HERO, START, UNITS, Play, earn


def events(*numbers: int) -> bytes:
    flags = bytearray(320)
    for number in numbers:
        flags[number // 8] |= 1 << number % 8
    return bytes(flags)


def test_new_tiles_pay_once_each() -> None:
    earned = earn(Play().walk(dx=4).walk(dx=-4).moments)
    assert earned["exploration_new_tile"] == 4
    assert earned["penalty_step"] == -8


def test_forward_tiles_pay_nothing_behind_the_start() -> None:
    """Maps 0 and 12 lie before map 1 in the order of progress, map 13 behind it; 40 is a house on map 0."""
    there = START._replace(map_id=1, map_width=20, map_height=20, party=(HERO,))
    home = Play(there).walk(dx=2).warp(12, 5, 5).walk(dx=3).warp(0, 5, 5).walk(dx=3)
    assert earn(home.moments)["exploration_new_tile"] == 2 + 4 + 4
    assert earn(home.moments)["exploration_forward_tile"] == 2
    house = Play(there).then(last_map=0, map_id=40).then(x=3, y=3).hold().walk(dx=2)
    assert earn(house.moments)["exploration_forward_tile"] == 0
    ahead = Play(there).walk(dx=2).warp(13, 5, 5).walk(dx=3)
    assert earn(ahead.moments)["exploration_forward_tile"] == 2 + 4


def test_tiles_of_a_map_that_is_loading_do_not_count() -> None:
    play = Play().warp(1, 30, 2)
    assert earn(play.moments)["exploration_new_tile"] == 1
    phantom = START._replace(map_id=1)
    assert earn([START, phantom, START, START])["exploration_new_tile"] == 0
    half_way = START._replace(x=START.x + 10)  # one coordinate is already that of a warp within the map
    assert earn([START, half_way, START, START])["exploration_new_tile"] == 0
    pad = [START, *[START._replace(x=START.x + 10, y=START.y + 10)] * 2]
    assert earn(pad)["exploration_new_tile"] == 1, "the destination counts once it held"


def test_recent_tiles_pay_after_the_window_and_less_each_time() -> None:
    coefficients = UNITS | {"exploration_recent_window": 10}
    to_and_fro = Play().walk(dx=1)
    for _ in range(3):
        to_and_fro.hold(10).walk(dx=-1).hold(10).walk(dx=1)
    earned = earn(to_and_fro.moments, coefficients)
    assert earned["exploration_recent_tile"] == 1 + (1 + 0.5 + 0.25) + (0.5 + 0.25 + 0.125)
    assert (
        earn(Play().walk(dx=1).walk(dx=-1).walk(dx=1).moments, coefficients)["exploration_recent_tile"] == 1
    )


def test_actions_that_change_nothing_cost_the_wall_penalty() -> None:
    assert earn(Play().hold(5).moments)["penalty_wall"] == -4
    assert earn(Play().walk(dx=5).moments)["penalty_wall"] == 0
    assert earn(Play().then(facing=8).then(facing=0).moments)["penalty_wall"] == 0
    assert earn(Play().meet().hold(5).moments)["penalty_wall"] == 0
    assert earn(Play().then(joy_ignore=255).hold(5).moments)["penalty_wall"] == 0


@pytest.mark.parametrize(
    "other",
    [
        {"menu_item": 1},
        {"money": 1},
        {"bag": ((4, 1),)},
        {"party": (replace(HERO, hp=1),)},
        {"event_bytes": events(3)},
        {"facing": 8},
        {"walk_counter": 1},
    ],
    ids=lambda other: next(iter(other)),
)
def test_an_action_that_changes_anything_is_not_a_wall(other: dict[str, Any]) -> None:
    play, usual = Play(), {name: getattr(START, name) for name in other}
    for _ in range(4):
        play.then(**other).then(**usual)
    assert earn(play.moments)["penalty_wall"] == 0


def test_the_stuck_penalty_starts_after_the_given_steps() -> None:
    coefficients = UNITS | {"stuck_after": 10}
    assert earn(Play().hold(15).moments, coefficients)["penalty_stuck"] == -5
    assert earn(Play().hold(9).walk(dx=1).hold(9).moments, coefficients)["penalty_stuck"] == 0


def test_fleeing_does_not_reset_the_stuck_counter() -> None:
    coefficients = UNITS | {"stuck_after": 10}
    play = Play().hold(10)
    for _ in range(5):
        play.meet().flee()
    fled = earn(play.moments, coefficients)["penalty_stuck"]
    assert fled <= -5 * 3  # out of battle the penalty goes on
    assert earn(play.meet().win().hold(8).moments, coefficients)["penalty_stuck"] >= fled - 3


def test_a_battle_that_is_fled_counts_as_time_without_progress() -> None:
    """Its steps still count, so that a flight does not buy time."""
    coefficients = UNITS | {"stuck_after": 20}
    play = Play().hold(6).meet().hold(12).flee()
    assert earn(play.moments, coefficients)["penalty_stuck"] == -3  # from the confirmation of the flight on
    assert earn(Play().hold(6).meet().hold(12).win().moments, coefficients)["penalty_stuck"] == 0


def test_hp_lost_in_a_battle_that_is_fled_stays_lost() -> None:
    earned = earn(Play().meet(16).hit(2).hurt(5).flee().moments)
    assert earned["battle_hp_delta"] == pytest.approx(2 / 16 - 5 / 20)
    assert earn(Play().meet(16).hit(8).hurt(5).flee().moments)["battle_hp_delta"] == 0


def test_a_battle_won() -> None:
    earned = earn(Play().meet(16).hit(4).hurt(5).hit(4).win().moments)
    assert earned["battle_start_bonus"] == 1
    assert earned["battle_win"] == 1
    assert earned["battle_loss"] == 0
    assert earned["battle_hp_delta"] == pytest.approx(1 - 5 / 20)


def test_a_battle_lost_and_blackout() -> None:
    earned = earn(Play().meet(16).hit(4).lose().hold(5).moments)
    assert earned["battle_start_bonus"] == 0
    assert earned["battle_win"] == 0
    assert earned["battle_loss"] == -1
    assert earned["battle_hp_delta"] == pytest.approx(0.25 - 1)


def test_gains_of_a_lost_battle_are_taken_back() -> None:
    bench = replace(HERO, species=36)
    play = Play(START._replace(party=(HERO, bench))).meet(16, kind=2).hit(16)
    for species in (36, 37):
        play.then(enemy_species=species, enemy_hp=12, enemy_max_hp=12).hold(2).hit(12)
    assert earn(play.moments)["battle_hp_delta"] == 3
    play.team(replace(HERO, hp=0), replace(bench, hp=0)).then(battle=-1, battle_result=1).then(battle=0)
    assert earn(play.hold(2).moments)["battle_hp_delta"] == 0, "a gain of 3 minus a loss of 2 is refunded"
    assert earn(play.moments)["battle_start_bonus"] == 0


def test_a_creature_caught_keeps_what_was_earned() -> None:
    play = Play().meet(16).hit(8)
    caught = PartyMon(species=165, level=3, hp=8, max_hp=16)
    play.then(battle=0, battle_result=2, party=(HERO, caught), pokedex_owned=2).hold(3)
    earned = earn(play.moments)
    assert earned["battle_start_bonus"] == 1
    assert earned["battle_hp_delta"] == pytest.approx(0.5)
    assert earned["battle_win"] == 0
    assert earned["milestone_level_up"] == 0


def test_a_trainer_with_three_creatures() -> None:
    play = Play().meet(16, kind=2).hit(16)
    for species in (36, 36):  # two of the same kind, one after the other
        play.then(enemy_species=species, enemy_hp=12, enemy_max_hp=12, enemy_level=4).hold(2).hit(12)
    earned = earn(play.win().moments)
    assert earned["battle_hp_delta"] == pytest.approx(3)
    assert earned["battle_win"] == 1


def test_stale_numbers_of_the_last_enemy_pay_nothing() -> None:
    play = Play().meet(16).win().then(battle=1).hold(3)
    before = earn(play.moments)["battle_hp_delta"]
    play.then(enemy_hp=16).hold(3)
    assert earn(play.moments)["battle_hp_delta"] == before == 1
    assert earn(play.hit(8).moments)["battle_hp_delta"] == pytest.approx(1.5)


def test_a_potion_in_battle_pays_nothing_whatever_was_lost_before_it() -> None:
    """HP lost to poison costs nothing, so restoring it must not pay either."""
    assert earn(Play().hurt(15).meet(16).hurt(-15).win().moments)["battle_hp_delta"] == 1


def test_an_enemy_pays_all_its_hp_whatever_memory_held_before() -> None:
    """Stale HP of the previous enemy shows for a moment: of one of the same kind, and of one switched out."""
    play = Play().meet(16).hit(12).flee().then(battle=1, escaped=False, battle_result=0).hold(2)
    assert earn(play.then(enemy_hp=16).hold(2).win().moments)["battle_hp_delta"] == 1
    swap = Play().meet(16, kind=2).hit(13).then(enemy_species=36).then(enemy_hp=16).hold(2).hit(16)
    swap.then(enemy_species=165, enemy_hp=3).hold(2).win()
    assert earn(swap.moments)["battle_hp_delta"] == 2


def test_an_episode_that_begins_in_a_battle() -> None:
    start = Play().meet().now
    assert earn(Play(start).hold(3).flee().moments)["battle_start_bonus"] == 0
    won = earn(Play(start).hold(3).win().moments)
    assert won["battle_start_bonus"] == 0
    assert won["battle_win"] == 1


def test_a_battle_for_one_moment_does_not_count() -> None:
    flicker = [START, START._replace(battle=1), START, START._replace(battle=-1), START, START]
    assert earn(flicker * 5)["total"] == pytest.approx(earn([START] * 30)["total"], abs=40)
    for name in ("battle_start_bonus", "battle_win", "battle_loss", "battle_hp_delta"):
        assert earn(flicker * 5)[name] == 0
    interrupted = Play().meet().hit(4).then(battle=0).then(battle=1).hold(2).win()
    assert earn(interrupted.moments)["battle_win"] == 1
    assert earn(interrupted.moments)["battle_start_bonus"] == 1


def test_a_value_that_shows_for_one_moment_pays_nothing() -> None:
    def flicker(**changes: Any) -> Counter[str]:
        return earn([START, START._replace(**changes), START, START] * 4)

    assert flicker(event_bytes=events(0x22))["milestone_event"] == 0
    assert flicker(map_id=1)["milestone_key_location"] == 0
    assert flicker(party=(replace(HERO, level=9),))["milestone_level_up"] == 0
    play = (
        Play().meet(16).then(enemy_hp=0).then(enemy_hp=16).hold(2).then(party=()).then(party=(HERO,)).hold(2)
    )
    play.then(party=(replace(HERO, hp=1),)).then(party=(HERO,)).hold(2)
    assert earn(play.moments)["battle_hp_delta"] == 0


def test_a_fainted_enemy_that_shows_hp_for_a_moment_pays_nothing() -> None:
    play = Play().meet(16, kind=2).hit(16)
    for _ in range(4):
        play.then(enemy_hp=16).then(enemy_hp=0).hold(2)
    assert earn(play.win().moments)["battle_hp_delta"] == 1


def test_hp_above_the_maximum_counts_as_the_maximum() -> None:
    play = Play().meet(16, kind=2).then(enemy_hp=32).hold(2).then(enemy_hp=16).hold(2)
    assert earn(play.moments)["battle_hp_delta"] == 0
    assert earn(play.win().moments)["battle_hp_delta"] == 1


def test_a_wild_enemy_pays_one_share_at_most() -> None:
    play = Play().meet(16)
    for _ in range(5):
        play.hit(16).then(enemy_hp=16).hold(2)
    assert earn(play.moments)["battle_hp_delta"] == 1


def test_a_battle_can_begin_in_the_action_after_another() -> None:
    play = Play().meet(16).hit(16).then(battle=0, battle_result=0)
    play.then(battle=1, enemy_species=36, enemy_hp=13, enemy_max_hp=13).hold(2).win()
    earned = earn(play.moments)
    assert earned["battle_win"] == earned["battle_start_bonus"] == 2
    assert earned["battle_hp_delta"] == 2
    same_kind = Play().meet(16).hit(16).then(battle=0).then(battle=1).then(enemy_hp=16).hold(2).win()
    assert earn(same_kind.moments)["battle_win"] == 2
    fled = Play().meet(16).hit(8).then(battle=0, battle_result=2, escaped=True).meet(12).hit(6).flee()
    assert earn(fled.moments)["battle_start_bonus"] == 0
    assert earn(fled.moments)["battle_hp_delta"] == 0


def test_badges_pay_once_and_only_when_held() -> None:
    play = Play().then(badges=1).then(badges=0).hold(2)
    assert earn(play.moments)["milestone_badge"] == 0
    play.then(badges=1).hold(2).then(badges=0).hold(2).then(badges=1).hold(2)
    assert earn(play.moments)["milestone_badge"] == 1
    assert earn(Play(START._replace(badges=1)).hold(3).then(badges=3).hold(2).moments)["milestone_badge"] == 1


def test_events_pay_once_without_the_museum_ticket() -> None:
    play = Play(START._replace(event_bytes=events(3)))
    play.then(event_bytes=events(3, 0x22)).hold(1)
    assert earn(play.moments)["milestone_event"] == 1
    play.then(event_bytes=events(3)).hold(1).then(event_bytes=events(3, 0x22)).hold(1)
    assert earn(play.moments)["milestone_event"] == 1
    play.then(event_bytes=events(3, 0x22, MUSEUM_TICKET, 0x77, 2559)).hold(1)
    assert earn(play.moments)["milestone_event"] == 3


def test_a_goal_pays_once_when_it_is_reached_and_held() -> None:
    play = Play().then(map_id=41).then(map_id=12).hold(2)
    assert earn(play.moments)["milestone_goal"] == 0
    play.warp(41, 3, 4).warp(12, 5, 5).warp(41, 3, 4)
    assert earn(play.moments)["milestone_goal"] == 1
    assert (
        earn(Play(START._replace(map_id=41)).hold(3).warp(12, 5, 5).warp(41, 3, 4).moments)["milestone_goal"]
        == 0
    )


def test_level_ups_pay_when_they_happen_in_the_party() -> None:
    grown = replace(HERO, level=7)
    assert earn(Play().team(grown).moments)["milestone_level_up"] == 2
    assert earn(Play().team(HERO, PartyMon(36, 9, 5, 5)).moments)["milestone_level_up"] == 0
    evolved = replace(grown, species=154)
    assert (
        earn(Play().team(grown).team(evolved).team(replace(evolved, level=8)).moments)["milestone_level_up"]
        == 3
    )
    transient = [START, START._replace(party=(replace(HERO, level=0),)), START, START]
    assert earn(transient * 4)["milestone_level_up"] == 0


def test_key_locations_pay_their_first_visit() -> None:
    play = Play().warp(1, 5, 5).warp(12, 5, 5).warp(1, 5, 5).warp(13, 2, 2)
    assert earn(play.moments)["milestone_key_location"] == 2
    bedroom = GameState(map_id=38, last_map=0)
    assert (
        earn(Play(bedroom).warp(37, 1, 1).warp(0, 5, 5).warp(40, 5, 5).moments)["milestone_key_location"] == 2
    )


def test_going_back_before_the_start_pays_nothing() -> None:
    gym = START._replace(map_id=2)
    assert earn(Play(gym).warp(51, 5, 5).warp(13, 5, 5).warp(1, 5, 5).moments)["milestone_key_location"] == 0
    centre = START._replace(map_id=58, last_map=2)
    assert earn(Play(centre).warp(2, 5, 5).warp(51, 5, 5).moments)["milestone_key_location"] == 0
    assert earn(Play(centre).warp(2, 5, 5).warp(54, 5, 5).moments)["milestone_key_location"] == 1
