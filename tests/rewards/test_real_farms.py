"""Farms on the real cartridge: 1,000 actions each, against 1,000 of the scripted player's story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from envs.game.catalog import Game
from envs.ram import GameState
from tests.rewards import exploits
from tests.rewards.exploits import Farm, forever, moments_of, on_its_way
from tests.rewards.play import UNITS, earn

COEFFICIENTS = UNITS | {"exploration_recent_window": 20}
PENALTIES = ("penalty_step", "penalty_wall", "penalty_stuck", "battle_loss")


@pytest.fixture(scope="module")
def fair(game: Game) -> Iterator[Counter[str]]:
    earned = earn(moments_of(game, on_its_way), COEFFICIENTS)
    assert earned["battle_win"] >= 3
    assert earned["milestone_level_up"] >= 3
    yield earned


# A farm, and a count with its minimum that shows in the moments that it was really played.
Seen = Callable[[list[GameState]], int]


def changes(value: Callable[[GameState], object]) -> Seen:
    return lambda moments: sum(value(a) != value(b) for a, b in pairwise(moments))


FARMS: list[tuple[Farm, Seen, int]] = [
    (forever(exploits.flee_and_return), changes(lambda state: state.battle > 0), 20),
    (forever(exploits.lose_again_and_again), changes(lambda state: state.battle == -1), 4),
    (forever(exploits.heal_in_circles), changes(lambda state: state.party[0].hp), 6),
    (forever(exploits.re_enter_rooms), changes(lambda state: state.map_id), 40),
    (forever(exploits.commute_between_key_places), changes(lambda state: state.map_id), 20),
    (forever(exploits.open_menus), changes(lambda state: state.menu_item), 100),
    (forever(exploits.buy_and_sell), changes(lambda state: state.money), 10),
    (exploits.deposit_and_withdraw, changes(lambda state: len(state.party)), 40),
    (forever(exploits.catch_again_and_again), changes(lambda state: len(state.party)), 3),
    (exploits.change_the_order, changes(lambda state: state.party[0].species), 40),
    (exploits.change_creatures_in_battle, changes(lambda state: state.own_level), 20),
]
NAMES = [
    "flee_and_return",
    "lose_again_and_again",
    "heal_in_circles",
    "re_enter_rooms",
    "commute_between_key_places",
    "open_menus",
    "buy_and_sell",
    "deposit_and_withdraw",
    "catch_again_and_again",
    "change_the_order",
    "change_creatures_in_battle",
]


@pytest.mark.parametrize(("farm", "seen", "least"), FARMS, ids=NAMES)
def test_a_farm_on_the_cartridge_earns_no_more_than_honest_play(
    game: Game, fair: Counter[str], farm: Farm, seen: Seen, least: int
) -> None:
    moments = moments_of(game, farm)
    farmed = earn(moments, COEFFICIENTS)
    assert seen(moments) >= least
    for name in fair.keys() - {"total", *PENALTIES}:
        assert farmed[name] <= fair[name] + 1e-9, name
    for name in PENALTIES:
        assert farmed[name] <= 0, name
    assert farmed["total"] < fair["total"]


def test_losing_again_and_again_on_the_cartridge_nets_nothing(game: Game) -> None:
    moments = moments_of(game, forever(exploits.lose_again_and_again))
    earned = earn(moments, {"battle_start_bonus": 15.0, "battle_hp_delta": 7.0, "battle_win": 60.0})
    assert earned["battle_win"] == 0
    assert earned["total"] <= 15.0 + 7.0, "from an unfinished battle"
    assert earned["battle_start_bonus"] <= 15.0
