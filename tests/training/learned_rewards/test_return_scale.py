"""The scale of a learned reward: the deviation of filtered returns, not of rewards."""

from __future__ import annotations

import numpy as np
import pytest

from training.learned_rewards.return_scale import ReturnScale

GAMMA = 0.9


def returns(rewards: np.ndarray) -> np.ndarray:
    """The forward-filtered returns, by their definition."""
    found = np.zeros(rewards.shape)
    for step in range(len(rewards)):
        ages = np.arange(step, -1, -1)
        found[step] = (GAMMA ** ages[:, np.newaxis] * rewards[: step + 1]).sum(axis=0)
    return found


def test_rewards_are_divided_by_the_deviation_of_all_returns_so_far() -> None:
    rewards = np.random.default_rng(0).exponential(3.0, (60, 4)).astype(np.float32)
    scale, everything = ReturnScale(4, GAMMA), np.ones((20, 4), np.bool_)
    for part in range(3):
        given = rewards[20 * part : 20 * part + 20]
        found = scale.scaled(given, everything)
        deviation = returns(rewards[: 20 * part + 20]).std()
        np.testing.assert_allclose(found, given / deviation, rtol=1e-5)
    assert returns(rewards).std() > 1.5 * rewards.std(), "without the filter it would be another scale"


def test_a_constant_reward_has_a_scale() -> None:
    """Its own deviation is 0; that of its returns is not, while they grow."""
    found = ReturnScale(1, GAMMA).scaled(np.full((50, 1), 4.0, np.float32), np.ones((50, 1), np.bool_))
    assert 0.1 < found.mean() < 10


def test_missing_steps_change_nothing() -> None:
    rewards = np.random.default_rng(1).exponential(3.0, (12, 2)).astype(np.float32)
    valid = np.ones((12, 2), np.bool_)
    valid[3:7, 0] = False
    with_gap, without = ReturnScale(2, GAMMA), ReturnScale(1, GAMMA)
    found = with_gap.scaled(np.where(valid, rewards, np.float32(1e6)), valid)
    kept = rewards[valid[:, 0], :1]
    without.scaled(kept, np.ones(kept.shape, np.bool_))
    assert with_gap._filter[0] == without._filter[0]
    assert np.isfinite(found).all()
    assert with_gap.std < 100


def test_it_goes_on_from_a_checkpoint() -> None:
    rewards = np.random.default_rng(2).exponential(3.0, (30, 2)).astype(np.float32)
    everything = np.ones((15, 2), np.bool_)
    one, other = ReturnScale(2, GAMMA), ReturnScale(2, GAMMA)
    one.scaled(rewards[:15], everything)
    other.restore(one.state())
    assert (one.scaled(rewards[15:], everything) == other.scaled(rewards[15:], everything)).all()
    with pytest.raises(ValueError, match="filter must be an array"):
        ReturnScale(3, GAMMA).restore(one.state())
