"""Running moments against NumPy, with large counts, and from a checkpoint."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.tree_codec import pack, unpack
from training.learned_rewards.running_moments import RunningMoments


def moments(*batches: Any) -> RunningMoments:
    found = RunningMoments((2,))
    for batch in batches:
        found.add(np.array(batch))
    return found


@settings(deadline=None)  # a busy machine is no mistake
@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.floats(-1e6, 1e6))
def test_batches_of_any_size_give_the_moments_of_all_values(sizes: list[int], offset: float) -> None:
    values = np.random.default_rng(0).normal(offset, 2.0, (sum(sizes), 2))
    found = moments(*np.split(values, np.cumsum(sizes)[:-1]))
    assert found.count == len(values)
    if len(values):
        np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.variance, values.var(axis=0), rtol=1e-6, atol=1e-9)


def test_bytes_are_summed_without_overflow() -> None:
    assert moments(np.full((1000, 2), 255, np.uint8)).mean.tolist() == [255, 255]


def test_they_do_not_freeze_at_2_to_the_24() -> None:
    """Beyond that, single precision cannot count by one: 2 ** 24 + 1 is 2 ** 24 again."""
    old = moments([[0.0, 0.0], [2.0, 2.0]])
    found = RunningMoments((2,))
    found.restore({**old.state(), "count": 2**24, "squares": np.full(2, float(2**24))})
    for _ in range(3):
        found.add(np.full((1, 2), 5.0))
    assert found.count == 2**24 + 3
    np.testing.assert_allclose(found.mean - 1, 12 / 2**24, rtol=1e-6)
    found.add(np.full((2**20, 2), 5.0))
    assert (found.mean > 1.2).all()


def test_they_go_on_from_a_checkpoint() -> None:
    one, other = moments([[1.0, 2.0], [3.0, 5.0]]), moments()
    plain, arrays = pack(one.state())
    other.restore(unpack(json.loads(json.dumps(plain)), arrays))
    for found in (one, other):
        found.add(np.array([[7.0, 9.0]]))
    assert (one.mean == other.mean).all()
    assert (one.variance == other.variance).all()


@pytest.mark.parametrize(
    "damage",
    [
        {"mean": np.zeros(3)},
        {"mean": np.zeros(2, np.float32)},
        {"mean": np.array([np.nan, 0])},
        {"squares": np.array([-1.0, 0])},
        {"count": -1},
        {"mean": [0.0, 0.0]},
    ],
)
def test_damaged_moments_are_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be an array|not finite|negative"):
        moments().restore({**moments([[1.0, 2.0]]).state(), **damage})
