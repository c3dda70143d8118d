"""Where the time of a run goes, and how much memory it takes.

A cycle runs from one rollout's start to the next: rollout, log dump, update. Its wall time is divided like
this:

- ``perf/inference_share``: inside the policy's forward pass that chooses actions (hooks on the module, with
  the device synchronised, so that time on an accelerator is counted here and not in what waits for it).
- ``perf/emulator_share``: waiting for environments (inside ``step_wait``, or ``wait_group`` and ``next_news``
  of an environment that is stepped in groups): emulation, reward, observations and the way between
  processes, as far as the training process stands still for them. What the environments do while it
  chooses actions is not in it.
- ``perf/learn_share``: from the end of the rollout to the start of the next: log dump and update.
- What is missing to 1 is stable-baselines3's own bookkeeping (rollout buffer, advantages) and other
  callbacks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
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


WAITS = ("step_wait", "wait_group", "next_news")


class Performance(BaseCallback):
    """Records ``perf/{env_steps_per_s,inference_share,emulator_share,learn_share,rss_mb}`` for every cycle.

    During ``learn()`` it times the policy's forward pass and the environments' waits; both are as before at
    its end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[str, float] = {}
        self._hooks: list[Any] = []
        self._cycle_start = self._rollout_end = self._forward_start = 0.0
        self._cycle_steps = 0
        self._forward = self._waiting = 0.0
        self._in_rollout = self._in_wait = False

    def _now(self) -> float:
        if self.model.device.type == "cuda":
            torch.cuda.synchronize(self.model.device)
        return time.perf_counter()

    def _before_forward(self, *_: Any) -> None:
        self._forward_start = self._now()

    def _after_forward(self, *_: Any) -> None:
        if self._in_rollout:
            self._forward += self._now() - self._forward_start

    def _timed(self, wait: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._in_wait or not self._in_rollout:
                return wait(*args, **kwargs)
            self._in_wait, start = True, time.perf_counter()
            try:
                return wait(*args, **kwargs)
            finally:
                self._in_wait = False
                self._waiting += time.perf_counter() - start

        return timed

    def _on_training_start(self) -> None:
        policy, env = self.model.policy, self.training_env
        self._hooks = [
            policy.register_forward_pre_hook(self._before_forward),
            policy.register_forward_hook(self._after_forward),
        ]
        for name in WAITS:
            wait = getattr(env, name, None)
            if wait is not None:
                setattr(env, name, self._timed(wait))
        self._cycle_start = 0.0

    def _on_rollout_start(self) -> None:
        now = time.perf_counter()
        if self._cycle_start:
            self._report(now)
        self._cycle_start, self._cycle_steps = now, self.model.num_timesteps
        self._forward = self._waiting = 0.0
        self._in_rollout = True

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        self._rollout_end, self._in_rollout = time.perf_counter(), False

    def _report(self, now: float) -> None:
        wall = max(now - self._cycle_start, 1e-9)
        self.last = {
            "perf/env_steps_per_s": (self.model.num_timesteps - self._cycle_steps) / wall,
            "perf/inference_share": self._forward / wall,
            "perf/emulator_share": self._waiting / wall,
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
        for name in WAITS:
            vars(self.training_env).pop(name, None)
        self._hooks = []
