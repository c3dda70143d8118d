"""The buffer of transitions: bounded, refreshed, resumed."""

from __future__ import annotations

import numpy as np
import pytest

from training.learned_rewards.from_demonstrations.transition_buffer import TransitionBuffer
from training.learned_rewards.from_demonstrations.transitions import Bytes


def pairs(value: int, count: int) -> Bytes:
    return np.full((count, 2, 3), value, np.uint8)


def chance() -> np.random.Generator:
    return np.random.default_rng(0)


def test_it_never_holds_more_than_its_capacity() -> None:
    buffer = TransitionBuffer(100, 3)
    for value in range(20):
        buffer.add(pairs(value, 30), chance())
        assert len(buffer) == min(30 * (value + 1), 100)


def test_more_than_it_can_hold_fits_at_once() -> None:
    buffer = TransitionBuffer(10, 3)
    buffer.add(np.concatenate([pairs(1, 10), pairs(2, 50)]), chance())
    assert buffer.rows[:, 0, 0].tolist() == [2] * 10


def test_a_full_buffer_takes_only_a_share() -> None:
    buffer, random = TransitionBuffer(1000, 3, keep=0.1), chance()
    buffer.add(pairs(1, 1000), random)
    buffer.add(pairs(2, 1000), random)
    assert 70 < (buffer.rows[:, 0, 0] == 2).sum() < 130


def test_it_draws_from_all_of_them() -> None:
    buffer = TransitionBuffer(10, 3)
    assert not len(buffer.draw(5, chance()))
    buffer.add(np.concatenate([pairs(value, 1) for value in range(10)]), chance())
    assert set(buffer.draw(200, chance())[:, 0, 0].tolist()) == set(range(10))


def test_it_goes_on_from_its_state() -> None:
    one, other = TransitionBuffer(10, 3), TransitionBuffer(10, 3)
    one.add(pairs(4, 7), chance())
    state = one.state()
    other.restore(state)
    other.add(pairs(5, 5), chance())
    assert (one.rows == 4).all(), "a state is a copy"
    assert len(other) == 10
    with pytest.raises(ValueError, match="7 transitions, but 5 are kept"):
        TransitionBuffer(5, 3).restore(state)
    with pytest.raises(ValueError, match="reshape"):
        TransitionBuffer(10, 4).restore(state)
