"""Advantages of a second value head against the sums that define them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer

from training.learned_rewards.advantages import ValuedSteps, advantages

STEPS, ENVS = 12, 3


def steps(seed: int, ends: float = 0.0) -> ValuedSteps:
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(2, STEPS, ENVS)).astype(np.float32)
    return ValuedSteps(
        scores=numbers[0],
        values=numbers[1],
        last_values=generator.normal(size=ENVS).astype(np.float32),
        ends=generator.random((STEPS, ENVS)) < ends,
        valid=np.ones((STEPS, ENVS), np.bool_),
    )


def test_with_ends_they_are_those_of_stable_baselines3() -> None:
    given = steps(0, ends=0.2)
    assert given.ends[:-1].any()
    box = spaces.Box(0, 1, (1,))
    buffer = RolloutBuffer(STEPS, box, box, "cpu", gae_lambda=0.95, gamma=0.99, n_envs=ENVS)
    buffer.rewards[:], buffer.values[:] = given.scores, given.values
    buffer.episode_starts[1:] = given.ends[:-1]
    buffer.compute_returns_and_advantage(torch.from_numpy(given.last_values), given.ends[-1])
    np.testing.assert_allclose(advantages(given, 0.99, 0.95), buffer.advantages, rtol=1e-5, atol=1e-5)


def test_without_ends_every_later_step_counts() -> None:
    """With lambda 1 an advantage is the discounted sum of all later scores, minus the value."""
    given = steps(1)
    found = advantages(given, 0.9, 1.0)
    for row in range(STEPS):
        later = np.arange(STEPS - row)
        total = (0.9 ** later[:, np.newaxis] * given.scores[row:]).sum(axis=0)
        wanted = total + 0.9 ** (STEPS - row) * given.last_values - given.values[row]
        np.testing.assert_allclose(found[row], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gae_lambda", [0.0, 0.95])
def test_they_do_not_reach_across_a_missing_step(gae_lambda: float) -> None:
    given = steps(2)
    given.valid[5, 0] = False
    found = advantages(given, 0.9, gae_lambda)
    assert found[5, 0] == 0
    error = given.scores[4, 0] + 0.9 * given.values[5, 0] - given.values[4, 0]
    assert found[4, 0] == pytest.approx(error, rel=1e-5), "its action was chosen, so its value is known"
    given.scores[6:, 0] += 100
    assert (advantages(given, 0.9, gae_lambda)[:6, 0] == found[:6, 0]).all()
