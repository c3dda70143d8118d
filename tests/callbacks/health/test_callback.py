"""Health of real training: judged updates, the report, and the policies."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.episode_metrics import EpisodeMetrics
from callbacks.health.bounds import RATE_PAUSE
from callbacks.health.callback import FILE_NAME, HealthCallback
from callbacks.health.learning_rate import LearningRateControl
from callbacks.health.metric_names import measured
from callbacks.health.series import MetricSeries
from callbacks.log_updates import LogUpdates
from callbacks.performance import Performance
from callbacks.schedules import Schedules
from tests.callbacks.reading import points

Learn = Callable[..., Any]
Curves = Callable[[], Any]


def test_every_update_is_judged_once_and_the_last_one_too(
    learn: Learn, curves: Curves, tmp_path: Path
) -> None:
    health = HealthCallback(tmp_path)
    learn([health, LogUpdates()])
    assert health.run.updates == 4
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
    assert report["criteria"][0]["met"] is None, "too early: four updates"
    assert len(report["criteria"]) == 5
    assert report["last"]["entropy"] == pytest.approx(-points(curves, "train/entropy_loss")[-1][1])
    assert [path.name for path in tmp_path.glob("*health*")] == ["health.json"], "no temporary file is left"


def test_updates_are_judged_once_without_the_extra_dump(learn: Learn, tmp_path: Path) -> None:
    health = HealthCallback(tmp_path)
    learn([health], steps=192)
    assert health.run.updates == 3


def test_wild_updates_are_unhealthy(learn: Learn, tmp_path: Path) -> None:
    health = HealthCallback(tmp_path)
    learn([health, LogUpdates()], learning_rate=0.5, n_epochs=8)
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
    health = HealthCallback(tmp_path)
    learn([BreakWeights(), health, LogUpdates()], batch_size=64, n_epochs=1)
    assert health.verdict == "unhealthy"
    report = json.loads((tmp_path / FILE_NAME).read_text())
    assert {"weights", "value_loss"} <= {finding["metric"] for finding in report["findings"]}
    assert report["last"]["value_loss"] is None
    assert points(curves, "health/finite")[-1] == (256, 0.0)


def test_an_update_that_raises_is_found_too(learn: Learn, tmp_path: Path) -> None:
    health = HealthCallback(tmp_path)
    with pytest.raises(ValueError, match="nan"):
        learn([BreakWeights(), health, LogUpdates()])
    assert health.diverged(health.model)
    assert health.diverged(health.model)  # called twice, found once
    report = json.loads((tmp_path / FILE_NAME).read_text())
    assert report["verdict"] == "unhealthy"
    assert [finding["metric"] for finding in report["findings"]].count("weights") == 1


def test_a_run_without_updates_has_its_own_verdict(learn: Learn, tmp_path: Path) -> None:
    class StopAtOnce(BaseCallback):
        def _on_step(self) -> bool:
            return False

    health = HealthCallback(tmp_path)
    learn([health, StopAtOnce(), LogUpdates()])
    assert json.loads((tmp_path / FILE_NAME).read_text())["verdict"] == "no updates"


def test_speed_memory_and_episodes_are_judged_with_the_update_they_belong_to(learn: Learn) -> None:
    health = HealthCallback()
    learn([Performance(), health, LogUpdates()])
    kept = health.run.series
    assert [kept[name].count for name in ("steps_per_second", "memory", "approx_kl")] == [4, 4, 4]
    assert health.last["memory"] > 50
    assert kept["episode_return"].count == 4


def test_nan_before_an_episode_has_ended_is_not_a_finding(learn: Learn) -> None:
    reasons: list[str] = []
    health = HealthCallback(None, {"finite": "stop"}, reasons.append)
    learn([EpisodeMetrics(), health, LogUpdates()], steps=64, n_steps=8)  # the first episodes take 24 steps
    assert (health.run.updates, health.run.series["battles_started"].count) == (4, 2)
    assert reasons == []
    row = {"train/loss": 1.0, "train/episode_return_mean": math.nan, "train/success_rate": math.nan}
    assert measured({**row, "rollout/ep_rew_mean": 2.0}) == {"loss": 1.0, "episode_return": 2.0}
    assert measured({"train/loss": math.nan, "perf/rss_mb": 5.0}).keys() == {"loss", "memory"}


def test_a_bad_finding_stops_a_run_only_with_the_stop_policy(learn: Learn, tmp_path: Path) -> None:
    wild = {"learning_rate": 0.5, "n_epochs": 8, "steps": 640}
    reasons: list[str] = []
    health = HealthCallback(tmp_path, {"approx_kl": "stop", "entropy": "log"}, reasons.append)
    learn([health, LogUpdates()], **wild)
    assert len(reasons) == 1
    assert reasons[0].startswith("health: approx_kl ")
    assert "lower learning_rate" in reasons[0]
    assert json.loads((tmp_path / FILE_NAME).read_text())["stopped"] == reasons[0]
    assert health.run.updates == 10

    silent: list[str] = []
    learn([HealthCallback(None, {"approx_kl": "log"}, silent.append), LogUpdates()], **wild)
    learn(
        [HealthCallback(None, {"approx_kl": "stop"}, silent.append), LogUpdates()], **{**wild, "steps": 192}
    )
    assert silent == []  # the second had only three updates


def test_numbers_that_are_not_finite_stop_at_once(learn: Learn) -> None:
    reasons: list[str] = []
    learn(
        [BreakWeights(), HealthCallback(None, {"finite": "stop"}, reasons.append)], batch_size=64, n_epochs=1
    )
    assert len(reasons) == 1
    assert "finite" in reasons[0]


def steered(
    learn: Learn, rate: float, target: float, low: float = 1e-6, high: float = 1e-2
) -> HealthCallback:
    steering = LearningRateControl(target, low, high, by_kl=True, by_clip=False)
    health = HealthCallback(steering=steering)
    learn(
        [Schedules({"learning_rate": lambda _: rate}, health.rate_factor), health, LogUpdates()], steps=1344
    )
    return health


def test_the_learning_rate_is_steered_towards_the_target(
    learn: Learn, curves: Curves, capsys: pytest.CaptureFixture[str]
) -> None:
    health = steered(learn, 1e-4, target=0.02)
    assert health.steering is not None
    assert health.steering.factor == pytest.approx(1.5**4)
    rates = [value for _, value in points(curves, "schedule/learning_rate")]
    wanted = [1e-4] * 5 + [1.5e-4] * 5 + [2.25e-4] * 5 + [3.375e-4] * 5 + [5.0625e-4]
    assert rates == pytest.approx(wanted, rel=1e-6)
    assert rates == [value for _, value in points(curves, "train/learning_rate")]
    lines = [line for line in capsys.readouterr().err.splitlines() if "learning_rate" in line]
    assert lines == health.report()["learning_rate_changes"]
    assert "health at step 320: approx_kl" in lines[0]
    assert lines[0].endswith("is below half of its target 0.02: learning_rate 0.0001 -> 0.00015")


def test_the_learning_rate_stays_within_its_bounds(learn: Learn) -> None:
    high = steered(learn, 1e-4, target=0.1, high=1.2e-4)
    assert high.rate_factor() * 1e-4 == pytest.approx(1.2e-4)
    low = steered(learn, 0.02, target=1e-6, low=0.01, high=1.0)
    assert low.rate_factor() * 0.02 == pytest.approx(0.01)
    assert low.steering is not None
    assert len(low.steering.changes) == 2


def test_the_clip_fraction_steers_too() -> None:
    def kept(value: float) -> MetricSeries:
        made = MetricSeries()
        for _ in range(RATE_PAUSE):
            made.add(value)
        return made

    def change(kl: float, clip: float) -> float:
        steering = LearningRateControl(0.02, 1e-6, 1e-2, by_kl=False, by_clip=True)
        for _ in range(RATE_PAUSE):
            steering.steer(kept(kl), kept(clip), 1e-3, 0)
        return steering.factor

    assert change(0.01, 0.6) == pytest.approx(1 / 1.5)
    assert change(0.01, 0.05) == pytest.approx(1.5)
    assert change(0.03, 0.05) == 1.0  # the KL divergence is already above its target
    assert change(0.9, 0.2) == 1.0


def test_a_restored_callback_continues(learn: Learn) -> None:
    first = steered(learn, 1e-4, target=0.02)
    second = HealthCallback(steering=LearningRateControl(0.02, 1e-6, 1e-2, by_kl=True, by_clip=False))
    second.restore(json.loads(json.dumps(first.snapshot(), allow_nan=False)))
    assert second.rate_factor() == first.rate_factor()
    assert second.snapshot() == first.snapshot()
    assert second.verdict == first.verdict


def test_a_stopped_run_starts_with_empty_windows(learn: Learn) -> None:
    health = HealthCallback(None, {"approx_kl": "stop"}, lambda _: None)
    learn([health, LogUpdates()], learning_rate=0.5, n_epochs=8, steps=384)
    again = HealthCallback(None, {"approx_kl": "stop"}, lambda _: None)
    again.restore(health.snapshot())
    assert again.run.updates == 6
    assert again.run.series["approx_kl"].count == 0


def test_an_unwritable_folder_gives_one_warning(
    learn: Learn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the run's folder should be")
    health = HealthCallback(blocked)
    learn([health, LogUpdates()])
    assert health.run.updates == 4
    warnings = [line for line in capsys.readouterr().err.splitlines() if "cannot be written" in line]
    assert len(warnings) == 1
    assert str(blocked / FILE_NAME) in warnings[0]
