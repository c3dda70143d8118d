"""Rates and their intervals, summaries, the closing table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.episodes import Episode, summarise, wilson
from training.model import environment_seed
from training.report import table

STATS = {
    "return": 2.0,
    "length": 40,
    "battles_started": 1,
    "battles_won": 0,
    "badges_earned": 0,
    "levels_gained": 0,
    "map_progress": 3,
    "success": False,
}


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_matches_published_values(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson(hits, trials) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_rate_and_stays_within_bounds(trials: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, trials))
    low, high = wilson(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1


def test_wilson_without_trials_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_summary_counts_episodes_that_reach_and_takes_the_median_of_those() -> None:
    played = [Episode(STATS, {"route 1": 10}), Episode(STATS, {"route 1": 30}), Episode(STATS, {})]
    summary = summarise(played, ["route 1", "forest"])
    assert summary["episodes"] == 3
    assert summary["return_mean"] == 2.0
    assert summary["milestones"]["route 1"]["reached"] == 2
    assert summary["milestones"]["route 1"]["median_actions"] == 20
    assert summary["milestones"]["forest"]["median_actions"] is None
    assert summary["milestones"]["forest"]["rate"] == 0


@given(st.integers(0, 2**31 - 1), st.integers(0, 10**12))
def test_training_and_evaluation_seeds_never_meet(seed: int, steps: int) -> None:
    first = environment_seed(seed, steps)
    assert 0 <= first < 2**31 - 1 - 1024
    assert first == environment_seed(seed, steps)


def test_table_is_aligned() -> None:
    assert table([("a", "1"), ("long", "1,000")]) == "  a         1\n  long  1,000"
