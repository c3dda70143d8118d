"""Intervals of means and rates, over episodes and over runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.intervals import (
    difference,
    effective_size,
    half_width,
    mean_interval,
    mean_over_runs,
    quantile,
    rate_over_runs,
    wilson,
)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_matches_published_values(hits: int, trials: int, low: float, high: float) -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, among others."""
    assert wilson(hits, trials) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10_000), st.data())
def test_wilson_contains_the_rate_and_stays_within_bounds(trials: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, trials))
    low, high = wilson(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1


def test_wilson_without_trials_is_zero_to_one() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_interval_of_a_mean_is_normal_for_many_values() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    half = 1.96 * values.std() / 20
    assert mean_interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_the_interval_of_a_mean_is_students_without_skewness() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.776 * np.sqrt(2.5 / 5)
    assert mean_interval(values) == pytest.approx((3 - half, 3 + half))


def test_halls_cubic_maps_the_ends_to_students_quantile() -> None:
    values = np.array([0.0, 0.0, 1.0, 1.0, 2.0, 9.0])
    low, high = mean_interval(values) or (0.0, 0.0)
    centred = values - values.mean()
    error = values.std(ddof=1) / np.sqrt(6)
    skewness = np.mean(centred**3) / values.std() ** 3 * np.sqrt(6 * 5) / 4
    for end, t in ((low, 2.571), (high, -2.571)):
        x, bend = (values.mean() - end) / error, skewness / np.sqrt(6)
        assert x + bend * x**2 / 3 + bend**2 * x**3 / 27 + bend / 6 == pytest.approx(t)
    assert high - values.mean() > values.mean() - low, "rare values are high"


SOME = st.lists(st.floats(-100, 100), min_size=2, max_size=30)


@given(SOME)
def test_the_interval_of_a_mean_contains_it_and_is_mirrored_with_the_values(values: list[float]) -> None:
    low, high = mean_interval(np.array(values)) or (1.0, 0.0)
    assert low - 1e-9 <= np.mean(values) <= high + 1e-9
    assert mean_interval(-np.array(values)) == pytest.approx((-high, -low), abs=1e-6)


def test_the_seeds_of_an_evaluation_make_no_difference() -> None:
    """20 seeds of one episode are a sample of 20; with seeds as strata its interval had no width."""
    low, high = mean_interval(np.arange(20.0)) or (0.0, 0.0)
    assert (low, high) == pytest.approx((6.73, 12.27), abs=0.01)


def test_repeats_add_no_information() -> None:
    assert effective_size([1] * 20) == 20
    assert effective_size([5] * 4) == 4
    assert effective_size([9, 1]) == 1
    few = np.array([1.0, 2.0, 4.0, 9.0])
    assert mean_interval(np.repeat(few, 5), effective_size([5] * 4)) == pytest.approx(mean_interval(few))
    assert mean_interval(np.full(20, 3.0), effective_size([20])) is None
    assert mean_interval(np.array([3.0])) is None


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="needs values"):
        mean_interval(np.array([]))


def test_runs_are_the_unit_if_they_differ_and_episodes_if_they_agree() -> None:
    assert mean_over_runs([10.0, 20.0, 30.0], (18.0, 22.0)) == pytest.approx((-4.84, 44.84), abs=0.01)
    assert mean_over_runs([20.0, 20.0, 20.0], (18.0, 22.0)) == (18.0, 22.0)
    assert mean_over_runs([20.0], (18.0, 22.0)) == (18.0, 22.0)
    assert mean_over_runs([20.0, 22.0], None) == pytest.approx((21 - 12.706, 21 + 12.706))


def test_rates_of_differing_runs_have_wide_intervals() -> None:
    low, high = rate_over_runs([1.0, 0.0, 1.0], 60)
    assert low < 0.1 and high > 0.95
    agree, pooled = rate_over_runs([0.5, 0.5, 0.5], 60), wilson(30, 60)
    assert agree[0] <= pooled[0] and agree[1] >= pooled[1]
    assert rate_over_runs([0.0, 0.0, 0.0], 60) == wilson(0, 60)
    assert rate_over_runs([0.3], 20) == wilson(6, 20)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=10))
def test_rates_of_runs_stay_within_bounds(hits: list[int]) -> None:
    low, high = rate_over_runs([hit / 20 for hit in hits], 20 * len(hits))
    assert 0 <= low <= sum(hits) / 20 / len(hits) <= high <= 1


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=6), st.floats(-100, 100))
def test_differences_shift_with_their_values_and_are_mirrored_with_the_sides(
    values: list[float], by: float
) -> None:
    half = half_width(values)
    assert half is not None and half >= 0
    low, high = difference([value + by for value in values], values) or (0.0, 0.0)
    assert low - 1e-6 <= by <= high + 1e-6
    assert difference(values, [value + by for value in values]) == pytest.approx((-high, -low), abs=1e-6)


def test_the_difference_of_two_means_is_welchs() -> None:
    """Variances 1 and 16 over 4 values each: standard error 2.0616, 3.37 degrees of freedom."""
    ours, theirs = [1.0, 2.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]
    spread = [value * np.sqrt(1.5) for value in ours]
    low, high = difference(spread, [4 * value for value in spread]) or (0.0, 0.0)
    assert (high - low) / 2 == pytest.approx(3.182 * np.sqrt(17 / 4))
    assert difference(ours, theirs) == pytest.approx((2 - 3.182 * np.sqrt(1 / 6), 2 + 3.182 * np.sqrt(1 / 6)))
    assert difference([1.0], [2.0, 3.0]) is None


def test_quantiles_fall_towards_the_normal_one() -> None:
    ours = [quantile(freedom) for freedom in range(1, 200)]
    assert ours == sorted(ours, reverse=True)
    assert ours[0] == 12.706 and 1.96 < ours[-1] < 1.98
