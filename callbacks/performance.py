"""Time and memory use of a run.

A cycle runs from one rollout's start to the next: rollout, log dump, update. Its wall time is divided into:

- ``perf/inference_share``: choosing actions, preparing the policy for it, and estimating the values that
  advantages need.
- ``perf/emulator_share``: sending actions to environments and waiting for the results: emulation, reward,
  observations and communication, while the training process is blocked. Work that the environments do while
  actions are chosen is not included.
- ``perf/learn_share``: from the end of the rollout to the start of the next: log dump and update.
- The rest is bookkeeping (rollout buffer, advantages) and callbacks.

A model with ``rollout_times`` times its own rollouts (see rollout_times.py). For any other, such as
stable-baselines3's PPO, the policy's forward pass and the environments' ``step_wait`` are timed from outside.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psutil
import torch
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.rollout_times import RolloutTimes

MEGABYTE = 1e6


def resident_megabytes() -> float:
    """Return the resident memory of this process and its descendants in MB; shared pages count for each."""
    process = psutil.Process()
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # a worker has ended in the meantime
    return total / MEGABYTE


class Performance(BaseCallback):
    """Records ``perf/{env_steps_per_s,inference_share,emulator_share,learn_share,rss_mb}`` for every cycle.

    Methods that it wraps for timing are restored when ``learn()`` ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[str, float] = {}
        self._times = RolloutTimes()
        self._undo: list[Callable[[], object]] = []
        self._cycle_start = self._rollout_end = self._inference_before = self._waiting_before = 0.0
        self._cycle_steps = 0
        self._in_rollout = False

    def _on_training_start(self) -> None:
        times = getattr(self.model, "rollout_times", None)
        if isinstance(times, RolloutTimes):
            self._times = times
        else:
            self._time_from_outside()
        self._cycle_start = 0.0

    def _time_from_outside(self) -> None:
        policy, env = self.model.policy, self.training_env
        policy.forward = partial(self._times.inference.time, self._finished, policy.forward)
        env.step_wait = partial(self._times.waiting.time, env.step_wait)  # type: ignore[method-assign]
        self._undo = [partial(vars(policy).pop, "forward"), partial(vars(env).pop, "step_wait")]

    def _finished(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return ``call(...)`` once the GPU has finished too; otherwise its time would count elsewhere."""
        result = call(*args, **kwargs)
        if self.model.device.type == "cuda":
            torch.cuda.synchronize(self.model.device)
        return result

    def _on_rollout_start(self) -> None:
        if self._cycle_start:
            self._report()
        self._cycle_start, self._cycle_steps = time.perf_counter(), self.model.num_timesteps
        self._inference_before, self._waiting_before = self._counted()
        self._in_rollout = True

    def _counted(self) -> tuple[float, float]:
        return self._times.inference.seconds, self._times.waiting.seconds

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        self._rollout_end, self._in_rollout = time.perf_counter(), False

    def _report(self) -> None:
        memory = resident_megabytes()  # takes time, which counts towards the cycle that ends
        now = time.perf_counter()
        wall = max(now - self._cycle_start, 1e-9)
        inference, waiting = self._counted()
        self.last = {
            "perf/env_steps_per_s": (self.model.num_timesteps - self._cycle_steps) / wall,
            "perf/inference_share": (inference - self._inference_before) / wall,
            "perf/emulator_share": (waiting - self._waiting_before) / wall,
            "perf/learn_share": (now - self._rollout_end) / wall,
            "perf/rss_mb": memory,
        }
        for key, value in self.last.items():
            self.logger.record(key, value)

    def _on_training_end(self) -> None:
        if self._cycle_start and not self._in_rollout:
            self._report()
        for undo in self._undo:
            undo()
        self._undo = []
