"""Tests of the running mean and variance against NumPy over all samples at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.policies.running_moments import RunningMoments

Batch = list[float]
BATCHES = st.lists(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20), min_size=1, max_size=8)


def add(moments: RunningMoments, batch: Batch) -> None:
    samples = torch.tensor(batch, dtype=torch.float64)
    moments.add(samples.mean(), samples.var(correction=0), len(batch))


@given(BATCHES)
def test_batches_give_the_moments_of_all_samples(batches: list[Batch]) -> None:
    moments = RunningMoments((), 1e-4)
    for batch in batches:
        add(moments, batch)
    every = np.concatenate(batches)
    assert moments.mean.item() == pytest.approx(every.mean(), rel=1e-9, abs=1e-8)
    assert moments.variance.item() == pytest.approx(every.var(), rel=1e-9, abs=1e-6)
    assert moments.count.item() == len(every)


def test_each_element_has_moments_of_its_own() -> None:
    moments = RunningMoments((3,), 0.1)
    samples = np.random.default_rng(0).normal([0, 5, -2], [1, 10, 0], (60, 3))
    for batch in np.split(samples, [7, 30]):
        moments.add(torch.from_numpy(batch.mean(axis=0)), torch.from_numpy(batch.var(axis=0)), len(batch))
    np.testing.assert_allclose(moments.mean, samples.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.std(), samples.std(axis=0).clip(0.1), rtol=1e-12)


def test_many_samples_do_not_lose_a_few_more() -> None:
    """In float32 a mean over 10^9 samples no longer moves."""
    moments = RunningMoments((), 1e-4)
    moments.add(torch.tensor(1.0), torch.tensor(0.25), 10**9)
    add(moments, [2.0])
    assert moments.count.item() == 10**9 + 1
    assert moments.mean.item() - 1 == pytest.approx(1e-9, rel=1e-6)


def test_the_statistics_are_buffers() -> None:
    moments = RunningMoments((2,), 1e-4)
    assert list(moments.parameters()) == []
    kinds = {name: tensor.dtype for name, tensor in moments.state_dict().items()}
    assert kinds == {"mean": torch.float64, "variance": torch.float64, "count": torch.int64}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_samples_that_are_not_finite_change_nothing(bad: float) -> None:
    moments = RunningMoments((), 1e-4)
    add(moments, [1.0, 3.0])
    with pytest.raises(ValueError, match="not finite"):
        add(moments, [1.0, bad])
    assert (moments.mean.item(), moments.variance.item(), moments.count.item()) == (2.0, 1.0, 2)
