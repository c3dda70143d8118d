"""Where the time of a run goes, and how much memory it takes.

A cycle runs from one rollout's start to the next: rollout, log dump, update. Its wall time is divided like
this:

- ``perf/inference_share``: inside the policy's forward pass that chooses actions (hooks on the module, with
  the device synchronised, so that time on an accelerator is counted here and not in what waits for it).
- ``perf/emulator_share``: from the end of that pass to the callbacks of the step: the environments' step as
  the parent process waits for it, i.e. emulation, reward, observations and the way between processes.
- ``perf/learn_share``: from the end of the rollout to the start of the next: log dump and update.
- What is missing to 1 is stable-baselines3's own bookkeeping (rollout buffer, advantages) and other
  callbacks.
"""

from __future__ import annotations

import time
from typing import Any

import psutil
import torch
from stable_baselines3.common.callbacks import BaseCallback

MEGABYTE = 1e6


def resident_megabytes() -> float:
    """Resident memory of this process and all its descendants in MB; pages they share count for each of
    them."""
    process = psutil.Process()
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # a worker that ended since the list was made
    return total / MEGABYTE


class Performance(BaseCallback):
    """Records ``perf/{env_steps_per_s,inference_share,emulator_share,learn_share,rss_mb}`` for every cycle.

    It should be the first callback, so that the work of others does not count as the environments'.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[str, float] = {}
        self._hooks: list[Any] = []
        self._cycle_start = self._rollout_end = self._mark = 0.0
        self._cycle_steps = 0
        self._forward = self._environments = 0.0
        self._in_rollout = self._acted = False

    def _now(self) -> float:
        if self.model.device.type == "cuda":
            torch.cuda.synchronize(self.model.device)
        return time.perf_counter()

    def _before_forward(self, *_: Any) -> None:
        self._mark = self._now()

    def _after_forward(self, *_: Any) -> None:
        now = self._now()
        if self._in_rollout:
            self._forward += now - self._mark
            self._mark, self._acted = now, True

    def _on_training_start(self) -> None:
        policy = self.model.policy
        self._hooks = [
            policy.register_forward_pre_hook(self._before_forward),
            policy.register_forward_hook(self._after_forward),
        ]
        self._cycle_start = 0.0

    def _on_rollout_start(self) -> None:
        now = time.perf_counter()
        if self._cycle_start:
            self._report(now)
        self._cycle_start, self._cycle_steps = now, self.model.num_timesteps
        self._forward = self._environments = 0.0
        self._in_rollout, self._acted = True, False

    def _on_step(self) -> bool:
        if self._acted:
            self._environments += time.perf_counter() - self._mark
            self._acted = False
        return True

    def _on_rollout_end(self) -> None:
        self._rollout_end, self._in_rollout = time.perf_counter(), False

    def _report(self, now: float) -> None:
        wall = max(now - self._cycle_start, 1e-9)
        self.last = {
            "perf/env_steps_per_s": (self.model.num_timesteps - self._cycle_steps) / wall,
            "perf/inference_share": self._forward / wall,
            "perf/emulator_share": self._environments / wall,
            "perf/learn_share": (now - self._rollout_end) / wall,
            "perf/rss_mb": resident_megabytes(),
        }
        for key, value in self.last.items():
            self.logger.record(key, value)

    def _on_training_end(self) -> None:
        if self._cycle_start and not self._in_rollout:
            self._report(time.perf_counter())
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
