"""Tests of the rewards that PPO learns from."""

from __future__ import annotations

import numpy as np
import pytest

from training.ppo.reward_shaping import RewardShaping

REWARDS = np.array([-2.0, -0.5, 0.0, 0.25, 4.0], np.float32)


@pytest.mark.parametrize(
    ("shaping", "expected"),
    [
        (RewardShaping(), REWARDS),
        (RewardShaping(scale=10), [-20, -5, 0, 2.5, 40]),
        (RewardShaping(shift=1), [-1, 0.5, 1, 1.25, 5]),
        (RewardShaping(bound=1), [-1, -0.5, 0, 0.25, 1]),
        (RewardShaping(scale=2, shift=1, bound=3), [-2, 1, 2, 2.5, 3]),
    ],
)
def test_shift_then_scale_then_bound(shaping: RewardShaping, expected: list[float]) -> None:
    before = REWARDS.copy()
    shaped = shaping(REWARDS)
    assert shaped.dtype == np.float32
    np.testing.assert_array_equal(shaped, np.array(expected, np.float32))
    shaped += 1
    assert (before == REWARDS).all(), "the rewards of the game stay"
