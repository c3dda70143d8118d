"""Battles end by the rules of the original game.

The moments hold what its routines leave in memory (public disassembly, pret/pokered).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from envs import ram
from envs.battle_ends import battle_change
from envs.ram import BATTLE_LOST, SAFARI, TRAINER, GameState, PartyMon, read_state
from tests.envs.test_ram import memory
from tests.rewards.play import START, Play, earn

LEAD = PartyMon(species=153, level=9, hp=12, max_hp=25)
BENCH = PartyMon(species=36, level=7, hp=20, max_hp=20)
FAINTED = replace(LEAD, hp=0)
WILD = GameState(
    map_id=12, x=5, y=20, party=(LEAD, BENCH), battle=1, money=3000, blackout_map=1,
    enemy_species=165, enemy_level=3, enemy_hp=9, enemy_max_hp=16,
)  # fmt: skip


def end(before: GameState, **changes: Any) -> str | None:
    """Return how the battle ended once battle and type are 0, which the original clears together."""
    return battle_change(before, before._replace(**{"battle": 0, "battle_type": 0, **changes}))


def moment(battle: int, result: int = 0, escaped: bool = False) -> GameState:
    return GameState(battle=battle, battle_result=result, escaped=escaped)


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (moment(0), moment(0), None),
        (moment(0), moment(1), "started"),
        (moment(0), moment(2), "started"),
        (moment(-1), moment(1), "started"),
        (moment(1), moment(1), None),
        (moment(1), moment(0, result=0), "won"),
        (moment(2), moment(0, result=0), "won"),
        (moment(1), moment(0, result=1), "lost"),
        (moment(1), moment(-1, result=0), "lost"),
        (moment(2), moment(-1, result=1), "lost"),
        (moment(-1), moment(0, result=1), None),
        (moment(-1), moment(-1, result=1), None),
        (moment(1), moment(0, result=2), "escaped"),
        (moment(1), moment(0, result=0, escaped=True), "escaped"),
        (moment(1, escaped=True), moment(0, result=0), "escaped"),
    ],
)
def test_battle_changes(before: GameState, now: GameState, change: str | None) -> None:
    assert battle_change(before, now) == change


def test_a_safari_creature_that_runs_is_not_a_win() -> None:
    assert end(WILD._replace(battle_type=SAFARI), battle_result=0) == "escaped"


def test_the_last_safari_ball_is_not_a_win() -> None:
    """The enemy's HP may be 0 from the battle before."""
    assert end(WILD._replace(battle_type=SAFARI, enemy_hp=0), battle_result=0) == "escaped"


def test_a_wild_creature_that_runs_is_not_a_win() -> None:
    assert end(WILD, battle_result=0) == "escaped"
    assert end(WILD, battle_result=0, enemy_hp=0) == "won"
    assert end(WILD._replace(enemy_hp=0), battle_result=0) == "won"


def test_running_by_item_or_move_after_an_own_faint_is_a_flight() -> None:
    """The result byte is 1 since the faint, and the escape flag is cleared with the battle."""
    hurt = WILD._replace(party=(FAINTED, BENCH), battle_result=1)
    assert end(hurt) == "escaped"
    assert end(hurt._replace(escaped=True), escaped=False) == "escaped"
    assert end(hurt._replace(enemy_hp=0), battle_result=0) == "won", "the next one beat it"


@pytest.mark.parametrize("kind", [1, TRAINER])
def test_a_loss_shows_in_the_team_before_the_blackout_and_in_memory_after_it(kind: int) -> None:
    down = (FAINTED, replace(BENCH, hp=0))
    fight = WILD._replace(battle=kind, battle_result=1)
    assert end(fight, party=down) == "lost", "wIsInBattle is 0 before it is 0xFF"
    assert end(fight, party=down, battle=BATTLE_LOST) == "lost"
    assert end(fight, party=down, battle_result=0) == "lost", "both sides fainted"


def test_a_loss_to_a_trainer_counts_even_if_a_script_heals_at_once() -> None:
    """The rival in the laboratory: no blackout, and the team is healed."""
    assert end(WILD._replace(battle=TRAINER), battle_result=1) == "lost"


@pytest.mark.parametrize("kind", [1, TRAINER])
@pytest.mark.parametrize("enemy_hp", [0, 9])
@pytest.mark.parametrize("money", [3000, 3001, 1, 0])
def test_a_blackout_within_one_action_is_a_loss(kind: int, enemy_hp: int, money: int) -> None:
    """All that remains of it: no battle, result 0, half the money, a healed team, another place."""
    well = tuple(replace(mon, hp=mon.max_hp) for mon in WILD.party)
    fight = WILD._replace(battle=kind, enemy_hp=enemy_hp, money=money, battle_result=1)
    place = {"map_id": 1, "x": 23, "y": 26, "party": well, "money": money // 2, "battle_result": 0}
    assert end(fight, **place) == "lost"


def test_a_win_without_a_scratch_is_no_blackout() -> None:
    well = tuple(replace(mon, hp=mon.max_hp) for mon in WILD.party)
    for money in (3000, 0):
        assert end(WILD._replace(party=well, enemy_hp=0, money=money), battle_result=0) == "won"


def test_battle_type_box_and_map_size_come_from_their_addresses() -> None:
    data = memory(W_BATTLE_TYPE=2, W_BOX_COUNT=7, W_CUR_MAP_HEIGHT=18, W_CUR_MAP_WIDTH=20)
    state = read_state(data)
    assert (state.battle_type, state.boxed, state.map_height, state.map_width) == (2, 7, 18, 20)
    assert (data[0xD05A], data[0xDA80], data[0xD368], data[0xD369]) == (2, 7, 18, 20)
    assert {"map_height", "map_width", "battle_type", "boxed"} < set(GameState._fields)
    assert ram.W_BOX_COUNT == 0xDA80


def test_a_catch_of_an_owned_kind_with_a_full_party_is_no_flight() -> None:
    team = tuple(replace(BENCH, species=species) for species in range(1, 7))
    play = Play(START._replace(party=team, pokedex_owned=6, boxed=3)).meet(16).hit(8)
    run = earn([*play.moments, *Play(play.now).flee().moments[1:]])
    caught = earn(play.then(battle=0, battle_result=2, boxed=4).hold(2).moments)
    assert (run["battle_start_bonus"], run["battle_hp_delta"]) == (0, 0)
    assert (caught["battle_start_bonus"], caught["battle_hp_delta"]) == (1, 0.5)


def test_a_safari_battle_that_ends_by_itself_pays_nothing() -> None:
    play = Play().then(battle=1, battle_type=SAFARI, enemy_species=165, enemy_hp=16, enemy_max_hp=16).hold(4)
    earned = earn(play.then(battle=0, battle_type=0, battle_result=0).hold(3).moments)
    assert (earned["battle_start_bonus"], earned["battle_win"], earned["battle_loss"]) == (0, 0, 0)


def test_a_loss_that_shows_late_is_still_a_loss() -> None:
    """The moment before wIsInBattle is 0xFF may look like a win."""
    play = Play().meet(16, kind=TRAINER).hit(4)
    play.then(battle=0, battle_result=0).then(battle=BATTLE_LOST, battle_result=1).hold(2)
    earned = earn(play.moments)
    assert (earned["battle_win"], earned["battle_loss"], earned["battle_start_bonus"]) == (0, -1, 0)
