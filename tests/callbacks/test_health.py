"""Judgements of updates: bounds, moving windows, numbers that are not finite, the report."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

from callbacks import health_rules as rules
from callbacks.health import FILE_NAME, Health
from callbacks.update_log import UpdateLog
from tests.callbacks.test_schedule_and_samples import points

Learn = Callable[..., Any]
Curves = Callable[[], Any]


@pytest.mark.parametrize(
    ("judge", "value", "level"),
    [
        (rules.judge_kl, 0.0499, "good"),
        (rules.judge_kl, 0.05, "warning"),
        (rules.judge_kl, 0.1, "warning"),
        (rules.judge_kl, 0.101, "bad"),
        (rules.judge_clip_fraction, 0.09, "low"),
        (rules.judge_clip_fraction, 0.1, "good"),
        (rules.judge_clip_fraction, 0.3, "good"),
        (rules.judge_clip_fraction, 0.4, "warning"),
        (rules.judge_clip_fraction, 0.51, "bad"),
        (rules.judge_explained_variance, 0.2, "low"),
        (rules.judge_explained_variance, 0.5, "good"),
        (rules.judge_explained_variance, 0.8, "good"),
    ],
)
def test_bounds(judge: Callable[[list[float]], rules.Finding], value: float, level: str) -> None:
    finding = judge([value])
    assert finding.level == level
    assert finding.value == value


def test_low_explained_variance_is_bad_only_when_it_does_not_rise() -> None:
    assert rules.judge_explained_variance([0.1] * 10).level == "bad"
    assert rules.judge_explained_variance([0.01 * i for i in range(10)]).level == "low"
    assert rules.judge_explained_variance([0.1] * 9).level == "low"


def test_a_finding_says_what_to_change() -> None:
    text = str(rules.judge_kl([0.2]))
    assert text == "approx_kl 0.2 is bad (above 0.1): lower learning_rate, then clip_range, then n_epochs"


def test_what_is_not_finite() -> None:
    assert rules.judge_finite("loss", math.nan) is not None
    assert rules.judge_finite("approx_kl", math.inf) is not None
    assert rules.judge_finite("explained_variance", math.nan) is None
    assert rules.judge_finite("explained_variance", -math.inf) is not None
    assert rules.judge_finite("loss", 1.0) is None


def test_every_update_is_judged_once_and_the_last_one_too(
    learn: Learn, curves: Curves, tmp_path: Path
) -> None:
    health = Health(tmp_path)
    learn([health, UpdateLog()])
    assert health.updates == 4
    assert not health.diverged(health.model)
    report = json.loads((tmp_path / FILE_NAME).read_text())
    assert report["updates"] == 4
    assert report["total_steps"] == 256
    assert report["verdict"] == health.verdict
    logged = points(curves, "train/approx_kl")
    assert [step for step, _ in logged] == [64, 128, 192, 256]
    assert health.last["approx_kl"] == pytest.approx(logged[-1][1])
    assert report["mean"]["approx_kl"] == pytest.approx(sum(value for _, value in logged) / 4)
    assert [step for step, _ in points(curves, "health/approx_kl")] == [64, 128, 192, 256]
    assert {value for _, value in points(curves, "health/finite")} == {1.0}
    assert not list(tmp_path.glob("*.tmp"))


def test_updates_are_judged_once_without_the_extra_dump(learn: Learn, tmp_path: Path) -> None:
    health = Health(tmp_path)
    learn([health], steps=192)
    assert health.updates == 3


def test_wild_updates_are_unhealthy(learn: Learn, tmp_path: Path) -> None:
    health = Health(tmp_path)
    learn([health, UpdateLog()], learning_rate=0.5, n_epochs=8)
    assert health.verdict == "unhealthy"
    report = json.loads((tmp_path / FILE_NAME).read_text())
    kl = next(f for f in report["findings"] if f["metric"] == "approx_kl")
    assert kl["level"] == "bad"
    assert kl["value"] > 0.1
    assert "learning_rate" in kl["advice"]


class BreakWeights(BaseCallback):
    """Puts a NaN into the value network before the last update."""

    def _on_rollout_end(self) -> None:
        if self.num_timesteps == 256:
            with torch.no_grad():
                self.model.policy.get_parameter("value_net.bias").fill_(math.nan)

    def _on_step(self) -> bool:
        return True


def test_nan_in_the_last_update_is_found_and_written(learn: Learn, curves: Curves, tmp_path: Path) -> None:
    health = Health(tmp_path)
    learn([BreakWeights(), health, UpdateLog()], batch_size=64, n_epochs=1)
    assert health.verdict == "unhealthy"
    report = json.loads((tmp_path / FILE_NAME).read_text())
    assert {"weights", "value_loss"} <= {finding["metric"] for finding in report["findings"]}
    assert report["last"]["value_loss"] is None
    assert points(curves, "health/finite")[-1] == (256, 0.0)


def test_an_update_that_breaks_in_the_middle_is_found_too(learn: Learn, tmp_path: Path) -> None:
    health = Health(tmp_path)
    with pytest.raises(ValueError, match="nan"):
        learn([BreakWeights(), health, UpdateLog()])
    assert health.diverged(health.model)
    assert health.diverged(health.model)  # asked twice, found once
    report = json.loads((tmp_path / FILE_NAME).read_text())
    assert report["verdict"] == "unhealthy"
    assert [finding["metric"] for finding in report["findings"]].count("weights") == 1


def test_a_run_without_updates_says_so(learn: Learn, tmp_path: Path) -> None:
    class StopAtOnce(BaseCallback):
        def _on_step(self) -> bool:
            return False

    health = Health(tmp_path)
    learn([health, StopAtOnce(), UpdateLog()])
    assert json.loads((tmp_path / FILE_NAME).read_text())["verdict"] == "no updates"
