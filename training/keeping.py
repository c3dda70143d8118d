"""Callbacks that keep a run safe: checkpoints between updates and orderly stops."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from callbacks.health import weights_are_finite
from training.checkpoints import CheckpointError, prune, save_checkpoint


class KeepCheckpoints(BaseCallback):
    """Saves every ``interval`` steps, at the first moment after it when no rollout is half done."""

    def __init__(self, folder: Path, interval: int, keep: int, extra: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self.folder = folder
        self.interval = interval
        self.keep = keep
        self.extra = extra
        self.saved_at = 0

    def _on_training_start(self) -> None:
        self.saved_at = self.model.num_timesteps

    def _on_rollout_start(self) -> None:
        due = self.model.num_timesteps - self.saved_at >= self.interval
        if due and weights_are_finite(self.model):
            self.saved_at = self.model.num_timesteps
            self.save(str(self.saved_at))

    def _on_step(self) -> bool:
        return True

    def save(self, name: str) -> Path | None:
        """Save under ``name``; a disk that refuses costs a warning, not the run. Returns the folder."""
        try:
            path = save_checkpoint(self.model, self.folder / name, self.extra())  # type: ignore[arg-type]
        except CheckpointError as error:
            print(f"warning: {error}", file=sys.stderr)
            return None
        prune(self.folder, self.keep)
        return path


class OrderlyStop(BaseCallback):
    """Ends training on SIGTERM, SIGINT, or once ``stop_after`` steps are reached.

    A rollout that is half done then is dropped and its steps are not counted, so that the count of steps,
    the weights and the optimizer in the last checkpoint belong together.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__()
        self.stop_after = stop_after
        self.reason: str | None = None
        self.learned_steps = 0
        self._complete = True
        self._handlers: dict[int, Any] = {}

    def _on_training_start(self) -> None:
        self.learned_steps = self.model.num_timesteps

    def _on_rollout_start(self) -> None:
        self.learned_steps = self.model.num_timesteps
        self._complete = False
        if self.stop_after is not None and self.learned_steps >= self.stop_after:
            self.reason = self.reason or f"--stop-after {self.stop_after}"

    def _on_step(self) -> bool:
        return self.reason is None

    def _on_rollout_end(self) -> None:
        self._complete = True

    def request(self, reason: str) -> None:
        """End training for ``reason``, unless it is about to end for another."""
        self.reason = self.reason or reason

    def settle(self) -> int:
        """Set the model's count to what it has learned from; returns the steps that were dropped."""
        dropped = 0 if self._complete else self.model.num_timesteps - self.learned_steps
        self.model.num_timesteps -= dropped
        return dropped

    def __enter__(self) -> OrderlyStop:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.reason is not None and number == signal.SIGINT:
            raise KeyboardInterrupt  # a second Ctrl-C: the user does not want to wait
        self.reason = signal.Signals(number).name
