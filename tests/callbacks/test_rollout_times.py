"""Stopwatches of rollouts."""

from __future__ import annotations

import time

import pytest

from callbacks.rollout_times import RolloutTimes, Stopwatch


def test_a_stopwatch_adds_up_calls_and_returns_their_results() -> None:
    watch = Stopwatch()
    assert watch.time(divmod, 7, 2) == (3, 1)
    assert watch.time(int, "11", base=2) == 3
    before = watch.seconds
    watch.time(time.sleep, 0.02)
    watch.time(time.sleep, 0.02)
    assert watch.seconds - before >= 0.04


def test_a_call_that_raises_counts() -> None:
    watch = Stopwatch()

    def fail() -> None:
        time.sleep(0.02)
        raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        watch.time(fail)
    assert watch.seconds >= 0.02


def test_models_have_stopwatches_of_their_own() -> None:
    one, other = RolloutTimes(), RolloutTimes()
    one.inference.time(time.sleep, 0.01)
    assert one.inference.seconds > 0
    assert one.waiting.seconds == other.inference.seconds == 0
