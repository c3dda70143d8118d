"""Callback that judges every update, records ``health/*``, writes ``health.json``, and acts on findings."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

from callbacks.health import rules
from callbacks.health.bounds import FEWEST, LEVELS, VERDICTS, Verdict
from callbacks.health.learning_rate import LearningRateControl
from callbacks.health.metric_names import KEYS, measured
from callbacks.health.report import report
from callbacks.health.rules import Finding
from callbacks.health.run_health import RunHealth
from callbacks.health.series import MetricSeries
from envs.files import disk_may_refuse, write_atomically

FILE_NAME = "health.json"
N_UPDATES = "train/n_updates"
WEIGHTS = "weights"
WEIGHTS_BROKEN = rules.broken(WEIGHTS, math.nan)
FINITE = "finite"  # key of the policy for NaN and infinite metrics and weights
NUMBERS = (int, float, np.number)


def weights_are_finite(model: BaseAlgorithm) -> bool:
    """Whether all weights of the policy are finite."""
    return all(bool(torch.isfinite(p).all()) for p in model.policy.parameters())


class HealthCallback(BaseCallback):
    """Judges the metrics of every update and acts according to ``policies``.

    An update's ``train/*`` are in the logger from the end of ``train()`` to the next dump, so they are read
    when the next rollout starts, or when training ends. Episode metrics are read when a rollout ends, after
    the callbacks that record them and before the log is dumped.

    Records ``health/METRIC`` (0 good or too early to tell, 1 low, 2 warning, 3 bad) for the metrics of
    ``rules.RULES``, ``health/finite`` (1 or 0) and ``health/verdict`` (0 healthy, 1 warning, 2 unhealthy).
    With a ``folder``, ``health.json`` is replaced atomically after every update.

    ``policies`` maps metrics, or "finite", to an action. With "stop", ``stop(reason)`` is called when the
    finding is bad. ``steering`` adapts the learning rate; ``rate_factor`` returns its factor.
    """

    state_key = "health"

    def __init__(
        self,
        folder: Path | None = None,
        policies: Mapping[str, Literal["log", "adapt", "stop"]] | None = None,
        stop: Callable[[str], None] | None = None,
        steering: LearningRateControl | None = None,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.policies = dict(policies or {})
        self.run = RunHealth()
        self.steering = steering
        self.stopped: str | None = None
        self.last: dict[str, float] = {}
        self._stop = stop
        self._episodes: dict[str, float] = {}
        self._seen_updates: float | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict on the run so far."""
        return self.run.verdict

    @property
    def findings(self) -> list[Finding]:
        """The findings as of the last update."""
        return self.run.findings

    def rate_factor(self) -> float:
        """Return the factor to multiply the learning rate by."""
        return 1.0 if self.steering is None else self.steering.factor

    def report(self) -> dict[str, Any]:
        """Return the content of health.json. Values that are not finite are null."""
        changes = [] if self.steering is None else list(self.steering.changes)
        return report(self.run, self.last) | {
            "total_steps": self.model.num_timesteps,
            "learning_rate_changes": changes,
            "stopped": self.stopped,
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the complete state, as JSON values."""
        steering = None if self.steering is None else self.steering.snapshot()
        return {"run": self.run.snapshot(), "steering": steering, "stopped": self.stopped}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``.

        A run that was stopped for a finding starts with empty windows, or it would stop again at once.
        Raises KeyError, TypeError or ValueError when the snapshot is damaged.
        """
        self.run.restore(snapshot["run"])
        if snapshot["stopped"] is not None:
            self.run.series = {name: MetricSeries() for name in self.run.series}
        if self.steering is not None and snapshot["steering"] is not None:
            self.steering.restore(snapshot["steering"])

    def diverged(self, model: BaseAlgorithm) -> bool:
        """Return whether a weight of ``model`` is NaN or infinite; if so, add a finding and write it.

        stable-baselines3 raises ValueError in the middle of an update when the policy's weights are not
        finite. Call this when ``learn()`` raised.
        """
        if weights_are_finite(model):
            return False
        self.run.add_broken(WEIGHTS, math.nan)
        self.model = model
        self._write()
        return True

    def _on_training_start(self) -> None:
        self._seen_updates = self.logger.name_to_value.get(N_UPDATES)

    def _on_rollout_start(self) -> None:
        self._examine()

    def _on_rollout_end(self) -> None:
        self._episodes = {key: value for key, value in self._numbers().items() if key in KEYS}

    def _on_training_end(self) -> None:
        self._examine()
        self._write()

    def _on_step(self) -> bool:
        return True

    def _numbers(self) -> dict[str, float]:
        values = self.logger.name_to_value.items()
        return {key: float(value) for key, value in values if isinstance(value, NUMBERS)}

    def _examine(self) -> None:
        """Judge the update that the logger holds, unless it was judged before."""
        count = self.logger.name_to_value.get(N_UPDATES)
        if count is None or count == self._seen_updates:
            return
        self._seen_updates = count
        self.last = measured({**self._episode_return(), **self._episodes, **self._numbers()})
        self.run.add(self.model.num_timesteps, self.last)
        if not weights_are_finite(self.model):
            self.run.add_broken(WEIGHTS, math.nan)
        self._record()
        self._act()
        self._write()

    def _episode_return(self) -> dict[str, float]:
        buffer = self.model.ep_info_buffer
        returns = [float(episode["r"]) for episode in buffer] if buffer else []
        return {"rollout/ep_rew_mean": sum(returns) / len(returns)} if returns else {}

    def _record(self) -> None:
        levels = {finding.metric: LEVELS.index(finding.level) for finding in self.findings}
        for metric in rules.RULES:
            if self.run.series[metric].count and f"health/{metric}" not in KEYS:
                self.logger.record(f"health/{metric}", levels.get(metric, 0))
        self.logger.record("health/finite", int(not self.run.broken))
        self.logger.record("health/verdict", VERDICTS.index(self.verdict))

    def _act(self) -> None:
        if self.steering is not None:
            rate = cast(PPO, self.model).lr_schedule(1.0)  # a constant that Schedules sets before an update
            series = self.run.series
            line = self.steering.steer(
                series["approx_kl"], series["clip_fraction"], rate, self.model.num_timesteps
            )
            if line is not None:
                tqdm.write(line, file=sys.stderr)
        for finding in self.findings:
            if self.stopped is None and finding.level == "bad" and self._stops(finding):
                self.stopped = f"health: {finding}"
                if self._stop is not None:
                    self._stop(self.stopped)

    def _stops(self, finding: Finding) -> bool:
        if finding.metric in self.run.broken:
            return self.policies.get(FINITE) == "stop"
        enough = self.run.series[finding.metric].count >= FEWEST
        return enough and self.policies.get(finding.metric) == "stop"

    def _write(self) -> None:
        if self.folder is None:
            return
        text = json.dumps(self.report(), indent=1, allow_nan=False) + "\n"
        with disk_may_refuse(self.folder / FILE_NAME):
            write_atomically(self.folder / FILE_NAME, text.encode())
