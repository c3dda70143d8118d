"""The reward stack: sums, layer weights, and invalid coefficients."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.errors import UserError
from envs.ram import GameState
from envs.reward_components import COMPONENTS
from rewards.base import LAYERS, RewardBreakdown
from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack, check_coefficients
from tests.rewards.play import START, UNITS, Play, earn, sequences

NAMES = [
    "exploration_new_tile",
    "exploration_forward_tile",
    "exploration_recent_tile",
    "exploration_recent_window",
    "penalty_step",
    "penalty_wall",
    "penalty_stuck",
    "stuck_after",
    "battle_start_bonus",
    "battle_hp_delta",
    "battle_win",
    "battle_loss",
    "milestone_badge",
    "milestone_level_up",
    "milestone_key_location",
    "milestone_event",
    "milestone_goal",
    "battle_weak_decay",
]


def test_a_breakdown_has_the_components_in_order() -> None:
    assert RewardBreakdown._fields[2:] == COMPONENTS


def test_coefficients_have_the_names_that_configs_use() -> None:
    assert list(DEFAULT_COEFFICIENTS) == NAMES
    assert set(RewardStack(UNITS).step(START, START).terms()) == set(NAMES) - {
        "exploration_recent_window",
        "stuck_after",
        "battle_weak_decay",
    }


weights = st.fixed_dictionaries({layer: st.floats(0, 10) for layer in LAYERS})


@given(sequences, weights, st.floats(0, 1000))
@settings(max_examples=150, deadline=None)
def test_sums_add_up_for_any_sequence(
    moments: list[GameState], layers: dict[str, float], scale: float
) -> None:
    coefficients = {
        n: v if n in ("stuck_after", "exploration_recent_window") else v * scale for n, v in UNITS.items()
    }
    stack = RewardStack(coefficients | {"stuck_after": 3, "exploration_recent_window": 4}, layers)
    stack.reset(moments[0])
    sums, total = dict.fromkeys(COMPONENTS, 0.0), 0.0
    for before, now in pairwise(moments):
        step = stack.step(before, now)
        assert step.total == step.exploration + step.battle + step.milestone + step.penalty
        assert step.penalty <= 0
        assert step.exploration >= 0
        assert step.milestone >= 0
        assert math.isclose(
            step.dense + step.sparse + step.very_sparse, step.total, rel_tol=1e-9, abs_tol=1e-9
        )
        assert math.isclose(sum(step.values), step.total, rel_tol=1e-9, abs_tol=1e-9)
        assert sum(step.terms().values()) == pytest.approx(step.total)
        total += step.total
        for name in COMPONENTS:
            sums[name] += getattr(step, name)
    assert math.isclose(sum(sums.values()), total, rel_tol=1e-9, abs_tol=1e-6)


@given(sequences)
@settings(max_examples=50, deadline=None)
def test_same_moments_same_reward(moments: list[GameState]) -> None:
    assert earn(moments) == earn(moments)


def test_memory_is_per_episode_and_can_be_copied() -> None:
    moments = Play().walk(dx=3).meet().hit(4).moments
    stack = RewardStack(UNITS)
    stack.reset(moments[0])
    first = [stack.step(a, b) for a, b in pairwise(moments)]
    assert copy.deepcopy(stack.memory) == stack.memory
    stack.reset(moments[0])
    assert [stack.step(a, b) for a, b in pairwise(moments)] == first


def test_layer_weights_multiply_their_layer_only() -> None:
    moments = Play().walk(dx=3).meet().hit(4).moments
    stacks = [RewardStack(UNITS), RewardStack(UNITS, {"sparse": 0.5, "dense": 0.0})]
    for stack in stacks:
        stack.reset(moments[0])
    for before, now in pairwise(moments):
        full, part = (stack.step(before, now) for stack in stacks)
        assert part.battle == full.battle / 2
        assert part.dense == 0
        assert part.milestone == full.milestone


def test_missing_terms_pay_nothing_and_missing_parameters_keep_their_default() -> None:
    full = check_coefficients({"battle_win": 60})
    assert full["battle_win"] == 60.0
    assert full["stuck_after"] == DEFAULT_COEFFICIENTS["stuck_after"]
    assert sum(v for k, v in full.items() if k not in ("stuck_after", "exploration_recent_window")) == 60.0
    assert RewardStack({}).step(START, START).total == 0


@pytest.mark.parametrize(
    ("coefficients", "said"),
    [
        ({"batle_win": 1.0}, 'unknown reward coefficient "batle_win"; did you mean "battle_win"?'),
        ({"zzz": 1.0}, "known: exploration_new_tile"),
        ({"penalty_step": 0.1}, "penalty_step is 0.1: it must be 0 or below"),
        ({"battle_loss": 5.0}, "battle_loss is 5.0: it must be 0 or below"),
        ({"battle_win": -1.0}, "battle_win is -1.0: it must be 0 or above"),
        ({"battle_win": float("nan")}, "battle_win is nan"),
        ({"battle_win": 1e9}, "battle_win is 1000000000.0: it must be a number between -1e+06 and 1e+06"),
        ({"battle_win": 10**400}, "battle_win is 10000000000000000000... (401 characters): it must be a"),
        (
            {"battle_win": 1.0, "battle_weak_decay": 1.5},
            "battle_weak_decay is 1.5: it must be a number from 0",
        ),
        ({"battle_weak_decay": -0.5}, "battle_weak_decay is -0.5: it must be 0 or above"),
        (
            {"battle_weak_decay": 0.5, "battle_loss": -1.0},
            "it has no effect while battle_start_bonus, battle",
        ),
        ({"stuck_after": 0}, "stuck_after is 0: it must be a whole number of steps from 1"),
        ({"exploration_recent_window": 2.5}, "exploration_recent_window is 2.5: it must be a whole number"),
    ],
)
def test_invalid_coefficients_are_refused(coefficients: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=r"^[^\n]*$") as error:
        RewardStack(coefficients)
    assert said in str(error.value)


def test_invalid_layers_are_refused() -> None:
    with pytest.raises(UserError, match='unknown reward layer "spars"; did you mean "sparse"'):
        RewardStack({}, {"spars": 1.0})
    with pytest.raises(UserError, match="weight of layer dense is -1"):
        RewardStack({}, {"dense": -1.0})
