"""Median times to milestones that some episodes never reach."""

from __future__ import annotations

import pytest

from training.evaluation.milestone_times import median_interval, median_time


@pytest.mark.parametrize(
    ("times", "lengths", "median"),
    [
        ([10, 30, None], [40, 40, 40], 30),  # two of three arrive: half by the second
        ([10, None, None], [40, 40, 40], None),  # fewer than half: no median, not 10
        ([10, 20, 30, 40], [40] * 4, 20),
        ([None, None, 8], [5, 5, 9], 8),  # only one was still observed then, and it arrives
        ([None, 8, None, None], [5, 9, 9, 9], None),
        ([], [], None),
    ],
)
def test_median_counts_episodes_that_never_arrive(
    times: list[int | None], lengths: list[int], median: float | None
) -> None:
    assert median_time(times, lengths) == median


def test_the_interval_of_a_median_is_from_one_rank_to_another() -> None:
    """Of 20: Wilson's interval contains a half for 6 (0.145 to 0.519), not for 5, and is above it for 15."""
    times = list(range(10, 210, 10))
    assert median_interval(times, [1000] * 20) == (60, 150)
    assert median_time(times, [1000] * 20) == 100


def test_an_end_later_than_all_observations_is_none() -> None:
    some: list[int | None] = [10] * 12 + [None] * 8
    assert median_time(some, [40] * 20) == 10
    assert median_interval(some, [40] * 20) == (10, None)
    assert median_interval([None] * 20, [40] * 20) == (None, None)
    assert median_interval([], []) == (None, None)


def test_repeats_make_the_interval_of_a_median_no_narrower() -> None:
    times: list[int | None] = [10, 20, 30, 40] * 5
    assert median_interval(times, [50] * 20) == (20, 30)
    assert median_interval(times, [50] * 20, 4) == (10, 40)
