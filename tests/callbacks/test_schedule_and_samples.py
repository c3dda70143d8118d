"""Schedules, and samples of the agents' state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.agent_stats import FILE_NAME, GIVEN, AgentStatsCallback, SampleRing
from callbacks.log_updates import LogUpdates
from callbacks.schedules import OF_UPDATES, Schedules
from tests.callbacks.reading import points

Learn = Callable[..., Any]
Curves = Callable[[], Any]
TOPS = {"ent_coef": 0.1, "learning_rate": 0.003, "clip_range": 0.3}


def test_the_update_uses_the_values_that_are_logged_for_its_step(learn: Learn, curves: Curves) -> None:
    falling = {name: lambda steps, top=top: top * (1 - steps / 512) for name, top in TOPS.items()}
    model = learn([Schedules(falling), LogUpdates()])
    for name, top in TOPS.items():
        steps, values = zip(*points(curves, f"schedule/{name}"), strict=True)
        assert steps == (64, 128, 192, 256)
        assert values == pytest.approx([top * (1 - n / 512) for n in steps], rel=1e-6)
    for name in ("learning_rate", "clip_range"):  # the value that stable-baselines3 logs
        assert points(curves, f"train/{name}") == points(curves, f"schedule/{name}")
    assert model.policy.optimizer.param_groups[0]["lr"] == pytest.approx(TOPS["learning_rate"] / 2)
    assert model.ent_coef == TOPS["ent_coef"] / 2


def test_the_learning_rate_alone_takes_the_factor(learn: Learn) -> None:
    eighth = {name: lambda _: 0.125 for name in OF_UPDATES}
    model = learn([Schedules(eighth, rate_factor=lambda: 0.5)], steps=64)
    assert model.policy.optimizer.param_groups[0]["lr"] == 0.0625
    assert (model.ent_coef, model.clip_range(0.3), model.clip_range_vf(0.3)) == (0.125, 0.125, 0.125)


class Discounts(BaseCallback):
    """Gamma and lambda of the model and of its buffer when advantages are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[float, ...]] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        model: Any = self.model
        buffer = model.rollout_buffer
        self.found.append((model.gamma, buffer.gamma, model.gae_lambda, buffer.gae_lambda))


def test_gamma_and_gae_lambda_are_those_of_the_beginning_of_a_rollout(learn: Learn) -> None:
    rising = {"gamma": lambda steps: 0.9 + steps / 5120, "gae_lambda": lambda steps: 1 - steps / 5120}
    discounts = Discounts()
    learn([Schedules(rising), discounts])
    gammas, lambdas = [0.9, 0.9125, 0.925, 0.9375], [1, 0.9875, 0.975, 0.9625]
    wanted = zip(gammas, gammas, lambdas, lambdas, strict=True)
    assert discounts.found == [pytest.approx(row) for row in wanted]


def test_unknown_schedules_are_refused() -> None:
    with pytest.raises(ValueError, match="vf_coef cannot be scheduled"):
        Schedules({"vf_coef": lambda _: 0.9})


@given(st.integers(1, 20), st.integers(0, 60))
def test_the_ring_keeps_the_last_samples_in_order(size: int, count: int) -> None:
    ring = SampleRing(size)
    for i in range(count):
        ring.add(i, i % 3, dict.fromkeys(GIVEN, i))
    assert list(ring.recent()["total_steps"]) == list(range(max(0, count - size), count))
    assert len(ring.recent()) == min(size, count)


def test_samples_of_a_run_are_kept_and_written(learn: Learn, tmp_path: Path) -> None:
    stats = AgentStatsCallback(tmp_path / "run", size=7, save_every_steps=100)
    learn([stats])
    assert stats.ring.count == 2 * 2 * (256 // 2 // 24)
    with np.load(tmp_path / "run" / FILE_NAME, allow_pickle=False) as file:
        samples = file["samples"]
    assert len(samples) == 7
    assert (np.diff(samples["total_steps"]) >= 0).all()
    assert set(samples["step"]) <= {10, 20}
    assert set(samples["env"]) == {0, 1}
    assert (samples["coord_count"] >= samples["battles_started"]).all()
    assert list((tmp_path / "run").iterdir()) == [tmp_path / "run" / FILE_NAME]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 30), st.integers(0, 30))
def test_samples_continue_from_a_snapshot(size: int, later_size: int, before: int, after: int) -> None:
    whole, first, second = (AgentStatsCallback(None, n) for n in (later_size, size, later_size))
    for i in range(before):
        whole.ring.add(i, 0, dict.fromkeys(GIVEN, i))
        first.ring.add(i, 0, dict.fromkeys(GIVEN, i))
    second.restore(first.snapshot())
    for i in range(before, before + after):
        whole.ring.add(i, 0, dict.fromkeys(GIVEN, i))
        second.ring.add(i, 0, dict.fromkeys(GIVEN, i))
    wanted = min(later_size, before + after, min(size, before) + after)
    assert (second.recent() == whole.recent()[-wanted:]).all()
    assert len(second.recent()) == wanted
