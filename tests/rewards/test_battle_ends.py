"""With any coefficients, a lost battle earns no more than a fled one, and that no more than one that ends
with a win or a catch."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.ram import GameState
from rewards.coefficients import DEFAULT_COEFFICIENTS
from tests.paths import RUN_CONFIGS
from tests.rewards.farms import loop, lose_on_purpose, lose_to_a_trainer
from tests.rewards.fights import ENDS, Fight, fights, scripts, starts
from tests.rewards.play import START, Play, earn
from training.config.loading import load_config

SHIPPED = {path.stem: load_config(path).rewards for path in RUN_CONFIGS}
PAST = st.lists(st.tuples(fights, st.sampled_from(ENDS)), max_size=3)
NAMES = [n for n in DEFAULT_COEFFICIENTS if n not in ("stuck_after", "exploration_recent_window")]
coefficients = st.fixed_dictionaries(
    {
        **{n: st.just(0.0) | st.floats(0, 100) for n in NAMES if n != "battle_weak_decay"},
        "battle_weak_decay": st.just(0.0) | st.floats(0, 1),
        "battle_win": st.floats(0.1, 100),  # something that decays
        "stuck_after": st.integers(1, 60).map(float),
        "exploration_recent_window": st.integers(1, 60).map(float),
    }
).map(
    lambda values: {n: -v if n.startswith("penalty_") or n == "battle_loss" else v for n, v in values.items()}
)


def check_order(rewards: dict[str, float], moments: dict[str, list[GameState]]) -> None:
    assert len({len(script) for script in moments.values()}) == 1
    total = {end: earn(script, rewards)["total"] for end, script in moments.items()}
    slack = 1e-9 * (1 + max(map(abs, total.values())))
    assert total["lose"] <= total["flee"] + slack
    assert total["flee"] <= total["win"] + slack
    assert total["flee"] <= total["catch"] + slack


@pytest.mark.parametrize("rewards", SHIPPED.values(), ids=SHIPPED)
@given(starts, PAST, fights)
@settings(max_examples=60, deadline=None)
def test_a_loss_pays_at_most_a_flight_and_a_flight_at_most_a_win(
    rewards: dict[str, float], start: GameState, past: list[tuple[Fight, str]], last: Fight
) -> None:
    check_order(rewards, scripts(start, past, last))


@given(coefficients, starts, PAST, fights)
@settings(max_examples=150, deadline=None)
def test_the_order_holds_for_any_coefficients(
    rewards: dict[str, float], start: GameState, past: list[tuple[Fight, str]], last: Fight
) -> None:
    check_order(rewards, scripts(start, past, last))


@pytest.mark.parametrize("rewards", SHIPPED.values(), ids=SHIPPED)
@pytest.mark.parametrize("farm", [lose_on_purpose, lose_to_a_trainer])
def test_losing_on_purpose_nets_nothing(rewards: dict[str, float], farm: object) -> None:
    paid = {name: value for name, value in rewards.items() if name.startswith("battle_")}
    assert earn(loop(farm), paid)["total"] <= 1e-9  # type: ignore[arg-type]


def test_no_discount_makes_a_farm_of_losing() -> None:
    """As after a flight, nothing is paid in advance after a loss."""
    play = Play()
    for _ in range(5):
        play.meet(16).hit(8).lose()
    earned = [earn(play.moments[: n + 1])["battle_start_bonus"] for n in range(len(play.moments))]
    first = earned.index(1.0)
    back = earned.index(0.0, first)
    assert set(earned[back:]) == {0.0}


def test_a_blackout_pays_neither_for_its_destination_nor_for_the_healing() -> None:
    """The destination is an unvisited key place, and its tile was not walked to."""
    start = START._replace(blackout_map=1)
    play = Play(start).meet(16).hurt(20).then(battle=-1, battle_result=1).then(battle=0, battle_result=0)
    play.heal().warp(1, 5, 5).hold(2)
    earned = earn(play.moments)
    for name in ("exploration_new_tile", "exploration_recent_tile", "milestone_key_location"):
        assert earned[name] == 0, name
    assert earned["battle_hp_delta"] == -1
    assert earn(play.walk(dx=2).moments)["exploration_new_tile"] == 2


def test_a_loss_does_not_reset_the_stuck_counter() -> None:
    coefficients = {"penalty_stuck": -1.0, "stuck_after": 10}
    play = Play().hold(10)
    for _ in range(5):
        play.meet().lose()
    assert earn(play.moments, coefficients)["penalty_stuck"] <= -5 * 3
