"""Return and length by start: windows, labels and curves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from callbacks.log_updates import LogUpdates
from callbacks.start_metrics import StartMetrics, labels
from tests.callbacks.conftest import Corridor, Learn

Curves = Callable[[], EventAccumulator]


class TwoStarts(Corridor):
    """A corridor whose episodes begin at x = 6 every third time."""

    count = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
        _, info = super().reset(seed=seed, options=options)
        self.count += 1
        self.start = "saved/middle.state" if self.count % 3 == 0 else "begin"
        self.x = 6 if self.count % 3 == 0 else 0
        return self._look(), info

    def step(self, action: np.int64) -> Any:
        *result, info = super().step(action)
        if "episode_stats" in info:
            info["episode_stats"]["start"] = self.start
        return (*result, info)


def test_every_start_has_its_own_window_and_curves(learn: Learn, curves: Curves) -> None:
    metrics = StartMetrics(["begin", "saved/middle.state", "never"], window=5)
    learn([metrics, LogUpdates()], steps=512, env=DummyVecEnv([TwoStarts, TwoStarts]))
    assert [len(recent) for recent in metrics.recent.values()] == [5, 5, 0]
    events = curves()
    for name, recent in (
        ("begin", metrics.recent["begin"]),
        ("middle", metrics.recent["saved/middle.state"]),
    ):
        last = events.Scalars(f"train/start/{name}/return_mean")[-1]
        assert last.step == 512
        assert math.isclose(last.value, sum(total for total, _ in recent) / 5, rel_tol=1e-6)
        assert events.Scalars(f"train/start/{name}/length_mean")[-1].value == 24
    assert "train/start/never/return_mean" not in events.Tags()["scalars"], "nothing to show"


def test_windows_are_restored(learn: Learn) -> None:
    metrics, again = (
        StartMetrics(["begin", "saved/middle.state"]),
        StartMetrics(["saved/middle.state", "new"]),
    )
    learn([metrics], env=DummyVecEnv([TwoStarts, TwoStarts]))
    again.restore(metrics.snapshot())
    assert again.recent["saved/middle.state"] == metrics.recent["saved/middle.state"]
    assert len(again.recent["saved/middle.state"]) > 0
    assert len(again.recent["new"]) == 0


def test_labels_are_different() -> None:
    assert list(labels(["starter", "a/cave.state", "b/cave.state", "cave"]).values()) == [
        "starter",
        "cave",
        "cave 2",
        "cave 3",
    ]
