"""Intervals of rates, means and comparisons, and medians of what may never happen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.intervals import mean_interval, median_time, probability_of_improvement, wilson


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_matches_published_values(hits: int, trials: int, low: float, high: float) -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, among others."""
    assert wilson(hits, trials) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_rate_and_stays_within_bounds(trials: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, trials))
    low, high = wilson(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1


def test_wilson_without_trials_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("times", "lengths", "median"),
    [
        ([10, 30, None], [40, 40, 40], 30),  # two of three got there: half had by the second
        ([10, None, None], [40, 40, 40], None),  # fewer than half: never said to be 10
        ([10, 20, 30, 40], [40] * 4, 20),
        ([None, None, 8], [5, 5, 9], 8),  # only one was watched until then, and it got there
        ([None, 8, None, None], [5, 9, 9, 9], None),
        ([], [], None),
    ],
)
def test_median_counts_those_who_never_got_there(
    times: list[int | None], lengths: list[int], median: float | None
) -> None:
    assert median_time(times, lengths) == median


def test_the_interval_of_a_mean_is_that_of_the_normal_law_for_many_values() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    half = 1.96 * values.std() / 20
    expected = (values.mean() - half, values.mean() + half)
    assert mean_interval([values]) == pytest.approx(expected, abs=0.05)
    assert mean_interval([values[:100], values[100:]]) == pytest.approx(expected, abs=0.05)


def test_strata_keep_what_differs_between_seeds_out_and_sampled_runs_keep_it_in() -> None:
    groups = [np.array([0.0, 0.2] * 10), np.array([10.0, 10.2] * 10), np.array([20.0, 20.2] * 10)]
    low, high = mean_interval(groups)
    assert 10.0 < low < 10.1 < high < 10.2
    low, high = mean_interval(groups, sampled_groups=True)
    assert low < 4, "three runs so far apart say little of a fourth"
    assert high > 16


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        low, high = mean_interval([generator.exponential(1.0, 30), generator.exponential(1.0, 30)])
        held += low <= 1.0 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_probability_of_improvement_counts_pairs_within_seeds() -> None:
    one, other = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 0.0])
    # Pairs: 1 beats 0; 2 beats 0 and ties twice; 3 beats all: (1 + 2 + 3) / 9.
    assert probability_of_improvement([one], [other])[0] == pytest.approx(6 / 9)
    far = [np.array([100.0, 101.0]), np.array([0.0, 1.0])], [np.array([90.0]), np.array([50.0])]
    assert probability_of_improvement(*far)[0] == 0.5, (
        "within seeds: always on the first, never on the second"
    )


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=8), st.lists(st.integers(-3, 3), min_size=1, max_size=8)
)
def test_probability_of_improvement_is_one_minus_that_of_the_other(
    ours: list[int], theirs: list[int]
) -> None:
    x, y = [np.array(ours, float)], [np.array(theirs, float)]
    forth, (low, high) = probability_of_improvement(x, y)
    assert forth + probability_of_improvement(y, x)[0] == pytest.approx(1.0)
    assert 0 <= low <= high <= 1
    assert (low, high) == pytest.approx((forth, forth)) or low < high


def test_clear_differences_are_told_from_chance() -> None:
    generator = np.random.default_rng(2)
    seeds = [generator.normal(0, 1, 20) for _ in range(5)]
    again = [generator.normal(0, 1, 20) for _ in range(5)]
    _, (low, high) = probability_of_improvement(seeds, again)
    assert low < 0.5 < high
    probability, (low, high) = probability_of_improvement([seed + 1 for seed in seeds], again)
    assert 0.5 < low < probability < high


def test_without_values_nothing_is_claimed() -> None:
    for groups in ([], [np.array([])]):
        with pytest.raises(ValueError, match="a value in every group"):
            mean_interval(groups)
    with pytest.raises(ValueError, match="2 groups against 1"):
        probability_of_improvement([np.ones(1), np.ones(1)], [np.ones(1)])
