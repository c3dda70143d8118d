"""Probability of improvement, over episodes and over runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training.evaluation.improvement import improvement_over_runs, newcombe, probability_of_improvement


def test_probability_of_improvement_counts_pairs() -> None:
    one, other = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 0.0])
    # Pairs: 1 beats 0; 2 beats 0 and ties twice; 3 beats all: (1 + 2 + 3) / 9.
    assert probability_of_improvement(one, other)[0] == pytest.approx(6 / 9)


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=8), st.lists(st.integers(-3, 3), min_size=1, max_size=8)
)
@example([0, 0, 1, 1, -1], [0, 0, -1, 1, 1])  # whose degrees of freedom are 8 but for the last bits
def test_probabilities_of_improvement_of_both_sides_add_up_to_one(ours: list[int], theirs: list[int]) -> None:
    x, y = np.array(ours, float), np.array(theirs, float)
    forth, (low, high) = probability_of_improvement(x, y)
    back, (least, most) = probability_of_improvement(y, x)
    assert forth + back == pytest.approx(1.0)
    assert (least, most) == pytest.approx((1 - high, 1 - low), abs=1e-6)
    assert 0 <= low <= forth <= high <= 1
    assert low < high


def test_winning_every_pair_is_not_certainty() -> None:
    probability, (low, high) = probability_of_improvement(np.full(20, 2.0), np.full(20, 1.0))
    assert (probability, high) == (1.0, 1.0)
    assert 0.8 < low < 0.95
    assert probability_of_improvement(np.full(20, 2.0), np.full(20, 1.0), (3, 3))[1][0] < low - 0.1


def test_newcombes_interval_ends_where_the_score_is_196() -> None:
    low, high = newcombe(0.8, 20, 30)
    for truth in (low, high):
        factor = 1 + 24 * (1 - truth) / (2 - truth) + 24 * truth / (1 + truth)
        variance = truth * (1 - truth) * factor / 600
        assert abs(truth - 0.8) / np.sqrt(variance) == pytest.approx(1.959964, abs=1e-4)
    assert low < 0.8 < high


def test_clear_differences_are_distinguished_from_chance() -> None:
    generator = np.random.default_rng(2)
    ours, again = generator.normal(0, 1, 100), generator.normal(0, 1, 100)
    _, (low, high) = probability_of_improvement(ours, again)
    assert low < 0.5 < high
    probability, (low, high) = probability_of_improvement(ours + 1, again)
    assert 0.5 < low < probability < high


def test_differing_runs_widen_the_interval() -> None:
    generator = np.random.default_rng(3)
    theirs = generator.normal(0, 1, 40)
    differ = [generator.normal(mean, 1, 40) for mean in (0.0, 1.0, 3.0)]
    share, (low, high) = improvement_over_runs(differ, theirs)
    pooled, (least, most) = probability_of_improvement(np.concatenate(differ), theirs)
    assert share == pytest.approx(pooled)
    assert least > 0.6, "120 episodes of one run would be conclusive"
    assert low < 0.5 and most < high
    alike = [generator.normal(1, 1, 40) for _ in range(3)]
    _, (low, high) = improvement_over_runs(alike, theirs)
    assert 0.5 < low < high


def test_one_run_or_equal_runs_have_the_interval_of_their_episodes() -> None:
    ours, theirs = np.arange(20.0), np.arange(20.0) - 5
    assert improvement_over_runs([ours], theirs) == probability_of_improvement(ours, theirs)
    beaten = [np.full(20, 9.0)] * 3, np.zeros(20)
    assert improvement_over_runs(*beaten) == probability_of_improvement(np.full(60, 9.0), np.zeros(20))


def test_no_episodes_are_refused() -> None:
    with pytest.raises(ValueError, match="2 episodes against 0"):
        probability_of_improvement(np.ones(2), np.array([]))
