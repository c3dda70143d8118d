"""The learning rate that follows the KL divergence, and the state that a checkpoint keeps of it."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbacks.adaptive_rate import RATE_STEP, AdaptiveRate, direction, moved
from callbacks.health.bounds import RATE_PAUSE
from callbacks.health.learning_rate import LearningRateControl
from callbacks.health.series import MetricSeries
from callbacks.update_state import UpdateState

rates = st.floats(1e-7, 0.1)


@pytest.mark.parametrize(
    ("kl", "expected"),
    [(0.0, 1), (0.0039, 1), (0.004, 0), (0.008, 0), (0.016, 0), (0.0161, -1), (5.0, -1), (math.nan, 0)],
)
def test_the_band_is_half_to_twice_the_threshold(kl: float, expected: int) -> None:
    assert direction(kl, 0.008) == expected


@given(rates, st.sampled_from([-1, 0, 1]))
def test_a_move_is_one_step_or_ends_at_a_bound(rate: float, where: int) -> None:
    low, high = 1e-6, 1e-2
    found = moved(rate, where, low, high)
    if where == 0 or (where > 0 and rate >= high) or (where < 0 and rate <= low):
        assert found == rate
    else:
        step = rate * RATE_STEP if where > 0 else rate / RATE_STEP
        assert found == min(max(step, low), high) and (found - rate) * where > 0


def test_it_follows_up_and_down_within_its_bounds() -> None:
    control = AdaptiveRate(1e-3, 0.01, 1e-4, 4e-3)
    assert [control.follow(kl) for kl in (0.001, 0.01, 0.02, 0.021)] == pytest.approx(
        [1.5e-3, 1.5e-3, 1.5e-3, 1e-3]
    )
    assert [control.follow(0.0) for _ in range(6)][-1] == 4e-3
    assert [control.follow(1.0) for _ in range(12)][-1] == 1e-4
    assert control.follow(math.nan) == 1e-4


@given(rates, st.floats(0, 1))
def test_health_moves_the_rate_by_the_same_rule(rate: float, kl: float) -> None:
    health = LearningRateControl(0.02, 1e-6, 1e-2, by_kl=True, by_clip=False)
    seen, clip = MetricSeries(), MetricSeries()
    for _ in range(RATE_PAUSE):
        seen.add(kl)
        clip.add(0.2)
        health.steer(seen, clip, rate, 0)
    mean = seen.mean(RATE_PAUSE)
    assert rate * health.factor == pytest.approx(moved(rate, direction(mean, 0.02), 1e-6, 1e-2))


def test_health_leaves_a_rate_of_zero_alone() -> None:
    health = LearningRateControl(0.02, 1e-6, 1e-2, by_kl=True, by_clip=False)
    seen = MetricSeries()
    for _ in range(RATE_PAUSE):
        seen.add(0.0)
        assert health.steer(seen, seen, 0.0, 0) is None


def test_a_checkpoint_keeps_the_rate() -> None:
    first, second = (UpdateState(AdaptiveRate(3e-4, 0.008, 1e-6, 1e-2)) for _ in range(2))
    assert first.rate is not None and second.rate is not None
    first.rate.follow(0.1)
    second.restore(json.loads(json.dumps(first.snapshot())))
    assert second.rate.rate == first.rate.rate == 3e-4 / RATE_STEP
    constant = UpdateState(None)
    constant.restore(first.snapshot())
    assert constant.rate is None and constant.snapshot()["rate"] is None
    second.restore(constant.snapshot())  # the control was switched on when the run was resumed
    assert second.rate.rate == first.rate.rate


@pytest.mark.parametrize("rate", ["fast", None, 0.5, math.nan, -1e-4])
def test_a_damaged_rate_is_refused(rate: object) -> None:
    state = UpdateState(AdaptiveRate(3e-4, 0.008, 1e-6, 1e-2))
    with pytest.raises((TypeError, ValueError)):
        state.restore({"rate": {"rate": rate}, "discounts": None})
    with pytest.raises(KeyError):
        state.restore({})
