"""Whether a run is on track: judges every update, writes ``health.json``, records ``health/*``."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

from callbacks import health_rules as rules
from callbacks.files import write_atomically
from callbacks.health_rules import Finding, Verdict

FILE_NAME = "health.json"
N_UPDATES = "train/n_updates"
WEIGHTS_BROKEN = Finding("weights", "bad", math.nan, "finite", rules.NOT_FINITE)
MAX_HISTORY = 50  # findings of values that were not finite, kept for the report
JUDGES = {
    "approx_kl": rules.judge_kl,
    "clip_fraction": rules.judge_clip_fraction,
    "explained_variance": rules.judge_explained_variance,
}


def weights_are_finite(model: BaseAlgorithm) -> bool:
    """Whether no weight of the policy is NaN or infinite."""
    return all(bool(torch.isfinite(p).all()) for p in model.policy.parameters())


class Health(BaseCallback):
    """Judges approx_kl, clip_fraction, explained_variance and finiteness after every update.

    An update's ``train/*`` are in the logger from the end of ``train()`` to the next dump, so they are read
    when the next rollout starts, or when training ends. ``window`` is the number of updates whose mean is
    judged. Records ``health/{approx_kl,clip_fraction,explained_variance}`` (0 good, 1 low, 2 warning, 3
    bad), ``health/finite`` (1 or 0) and ``health/verdict`` (0 healthy, 1 warning, 2 unhealthy). With a
    ``folder``, ``health.json`` is replaced atomically after every update.
    """

    def __init__(self, folder: Path | None = None, window: int = 10) -> None:
        super().__init__()
        self.folder = folder
        self.updates = 0
        self.findings: list[Finding] = []
        self.last: dict[str, float] = {}
        self._recent: dict[str, deque[float]] = {name: deque(maxlen=window) for name in rules.WATCHED}
        self._broken: deque[Finding] = deque(maxlen=MAX_HISTORY)
        self._seen_updates: float | None = None

    @property
    def verdict(self) -> Verdict:
        """One word for the run so far."""
        return rules.verdict_of(self.findings, self.updates)

    def report(self) -> dict[str, Any]:
        """What health.json holds; numbers that are not finite are null."""
        return {
            "verdict": self.verdict,
            "total_steps": self.model.num_timesteps,
            "updates": self.updates,
            "findings": [_plain(finding) for finding in self.findings],
            "last": {name: _finite(value) for name, value in self.last.items()},
            "mean": {name: _finite(_mean(kept)) for name, kept in self._recent.items() if kept},
        }

    def diverged(self, model: BaseAlgorithm) -> bool:
        """Whether a weight of ``model`` is NaN or infinite; if so, that is found and written.

        stable-baselines3 raises ValueError in the middle of an update when the policy's weights are no
        numbers: ask here when ``learn()`` raised.
        """
        if weights_are_finite(model):
            return False
        if WEIGHTS_BROKEN not in self._broken:
            self._broken.append(WEIGHTS_BROKEN)
            self.findings = [WEIGHTS_BROKEN, *self.findings]
        self.model = model
        self._write()
        return True

    def _on_training_start(self) -> None:
        self._seen_updates = self.logger.name_to_value.get(N_UPDATES)

    def _on_rollout_start(self) -> None:
        self._examine()

    def _on_training_end(self) -> None:
        self._examine()
        self._write()

    def _on_step(self) -> bool:
        return True

    def _examine(self) -> None:
        """Takes in the update that the logger holds, unless it was taken in before."""
        values = self.logger.name_to_value
        count = values.get(N_UPDATES)
        if count is None or count == self._seen_updates:
            return
        self._seen_updates = count
        self.updates += 1
        self.last = {
            name: float(values[f"train/{name}"]) for name in rules.WATCHED if f"train/{name}" in values
        }
        for name, value in self.last.items():
            if math.isfinite(value):
                self._recent[name].append(value)
        self._judge()
        self._record()
        self._write()

    def _judge(self) -> None:
        self._broken.extend(
            f for f in (rules.judge_finite(n, v) for n, v in self.last.items()) if f is not None
        )
        if not weights_are_finite(self.model):
            self._broken.append(WEIGHTS_BROKEN)
        judged = [judge(list(self._recent[name])) for name, judge in JUDGES.items() if self._recent[name]]
        self.findings = [*self._broken, *judged]

    def _record(self) -> None:
        for finding in self.findings:
            if finding.metric in JUDGES and finding not in self._broken:
                self.logger.record(f"health/{finding.metric}", rules.LEVELS.index(finding.level))
        self.logger.record("health/finite", int(not self._broken))
        self.logger.record("health/verdict", ("healthy", "warning", "unhealthy").index(self.verdict))

    def _write(self) -> None:
        if self.folder is not None:
            text = json.dumps(self.report(), indent=1, allow_nan=False) + "\n"
            write_atomically(self.folder / FILE_NAME, text.encode())


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "metric": finding.metric,
        "level": finding.level,
        "value": _finite(finding.value),
        "bound": finding.bound,
        "advice": finding.advice,
        "text": str(finding),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
