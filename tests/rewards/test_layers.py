"""Layer weights that change in mid-episode, custom terms, and snapshots."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.errors import UserError
from envs.ram import GameState
from envs.reward_components import COMPONENTS
from rewards.base import LAYERS
from rewards.custom_terms import load_custom_terms
from rewards.stack import RewardStack
from tests.rewards.play import START, UNITS, Play, sequences

OWN_TERMS = """
class Purse:
    layer = "sparse"
    component = "exploration"

    def reset(self, state):
        self.most = state.money

    def __call__(self, before, now, memory):
        gained, self.most = max(now.money - self.most, 0), max(self.most, now.money)
        return gained

class Bruises:
    layer = "dense"
    component = "penalty"

    def __call__(self, before, now, memory):
        return -float(now.battle == -1)
"""
SMALL = UNITS | {"stuck_after": 3, "exploration_recent_window": 4}
Weights = dict[str, float]
weights = st.fixed_dictionaries({layer: st.sampled_from((0.0, 0.25, 1.0, 3.0)) for layer in LAYERS})
changes = st.dictionaries(st.integers(0, 60), weights, max_size=8)


@pytest.fixture(scope="module")
def own_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terms") / "purse.py"
    path.write_text(OWN_TERMS)
    return path


def make_stack(own_file: Path) -> RewardStack:
    return RewardStack(SMALL, own=load_custom_terms({f"{own_file}:Purse": 0.5, f"{own_file}:Bruises": 2.0}))


def run(
    stack: RewardStack, moments: list[GameState], change: dict[int, Weights], first: int = 0
) -> list[Any]:
    steps = []
    for index, (before, now) in enumerate(pairwise(moments)):
        if index + first in change:
            stack.set_layer_weights(change[index + first])
        steps.append(stack.step(before, now))
    return steps


with_money = st.lists(st.integers(0, 500), min_size=40, max_size=40)


@given(sequences, with_money, changes)
@settings(max_examples=150, deadline=None)
def test_components_add_up_while_layer_weights_change(
    own_file: Path, moments: list[GameState], money: list[int], change: dict[int, Weights]
) -> None:
    moments = [m._replace(money=own) for m, own in zip(moments, money, strict=False)]
    stack = make_stack(own_file)
    stack.reset(moments[0])
    steps = run(stack, moments, change)
    for step in steps:
        assert step.total == step.exploration + step.battle + step.milestone + step.penalty
        assert math.isclose(sum(step.values), step.total, rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(sum(step.terms().values()), step.total, rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(sum(map(step.layer, LAYERS)), step.total, rel_tol=1e-9, abs_tol=1e-9)
    sums = {name: sum(getattr(step, name) for step in steps) for name in COMPONENTS}
    assert math.isclose(sum(sums.values()), sum(s.total for s in steps), rel_tol=1e-9, abs_tol=1e-6)


def test_custom_terms_are_paid_in_their_layer_and_component(own_file: Path) -> None:
    stack = make_stack(own_file)
    stack.set_layer_weights({"sparse": 3.0})
    stack.reset(START)
    step = stack.step(START, START._replace(money=100))
    assert step.terms()["purse:Purse"] == step.exploration == 100 * 0.5 * 3.0
    step = stack.step(START, START._replace(money=100, battle=-1))
    assert step.terms()["purse:Bruises"] == -2.0
    assert step.penalty == -2.0 - 1.0  # and the step penalty


battles = st.lists(
    st.tuples(st.lists(st.tuples(st.sampled_from(("hit", "hurt")), st.integers(0, 15)), max_size=5)),
    min_size=1,
    max_size=6,
)


@given(battles, changes)
@settings(max_examples=150, deadline=None)
def test_a_flight_refunds_what_was_paid_while_layer_weights_change(
    script: list[tuple[list[tuple[str, int]]]], change: dict[int, Weights]
) -> None:
    play = Play()
    for (blows,) in script:
        play.heal().meet(16)
        for kind, hp in blows:
            getattr(play, kind)(hp)
        play.flee()
    stack = RewardStack({"battle_start_bonus": 1.0, "battle_hp_delta": 1.0})
    stack.reset(play.moments[0])
    steps = run(stack, play.moments, change)
    assert sum(step.terms()["battle_start_bonus"] for step in steps) == pytest.approx(0)
    assert sum(step.terms()["battle_hp_delta"] for step in steps) <= 1e-9


def test_a_battle_keeps_the_weight_it_began_with_and_the_next_has_the_new_one() -> None:
    play = Play().meet(16).hit(4)
    half_way = len(play.moments)
    play.win().hold(2).meet(16)
    stack = RewardStack({"battle_start_bonus": 1.0, "battle_win": 1.0, "penalty_step": -1.0})
    stack.reset(play.moments[0])
    steps = run(stack, play.moments, {half_way: {"sparse": 0.5, "dense": 0.0}})
    assert [s.terms()["battle_start_bonus"] for s in steps if s.terms()["battle_start_bonus"]] == [1.0, 0.5]
    assert sum(s.terms()["battle_win"] for s in steps) == 1.0
    assert sum(s.penalty for s in steps) == -half_way, "the dense layer does not wait"


def test_a_new_episode_begins_with_the_newest_weights() -> None:
    stack = RewardStack(UNITS)
    moments = Play().meet(16).hold(3).moments
    stack.reset(moments[0])
    run(stack, moments, {3: {"sparse": 0.0}})
    stack.reset(moments[0])
    assert sum(step.battle for step in run(stack, moments, {})) == 0


@given(sequences, changes, st.data())
@settings(max_examples=150, deadline=None)
def test_a_restored_snapshot_continues_exactly(
    own_file: Path, moments: list[GameState], change: dict[int, Weights], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(moments) - 1))
    stack, other = make_stack(own_file), make_stack(own_file)
    stack.reset(moments[0])
    run(stack, moments[: cut + 1], change)
    kept = stack.snapshot()
    tiles = kept["memory"].pop("tiles")
    assert isinstance(tiles, bytes)
    kept = json.loads(json.dumps(kept, allow_nan=False))
    other.reset(START)
    other.restore({**kept, "memory": {**kept["memory"], "tiles": tiles}})
    rest = run(stack, moments[cut:], change, first=cut)
    assert run(other, moments[cut:], change, first=cut) == rest
    assert other.snapshot() == stack.snapshot()


def test_a_snapshot_keeps_the_weight_of_the_current_battle() -> None:
    play = Play().meet(16).hit(4)
    half_way = len(play.moments)
    play.flee().meet(16).hit(4).win()
    stack, other = (RewardStack({"battle_start_bonus": 1.0, "battle_win": 1.0}) for _ in range(2))
    stack.reset(play.moments[0])
    paid = run(stack, play.moments[:half_way], {half_way - 3: {"sparse": 0.5}})
    other.restore(stack.snapshot())
    rest = run(other, play.moments[half_way - 1 :], {})
    assert sum(step.total for step in paid) == 1.0
    assert [step.total for step in rest if step.total] == [-1.0, 0.5 + 0.5]


def test_an_invalid_weight_is_refused_at_run_time_too() -> None:
    with pytest.raises(UserError, match="weight of layer dense is -1"):
        RewardStack(UNITS).set_layer_weights({"dense": -1.0})
