"""Callback that saves checkpoints during training."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.graceful_stop import GracefulStop
from callbacks.health.callback import weights_are_finite
from training.checkpoints.training_state import TrainingState, state_without_environments, training_state_of
from training.checkpoints.writing import CheckpointError, prune_checkpoints, save_checkpoint

LONG_CYCLE_S = 10.0
"""Seconds per rollout and update above which a signal does not wait for their end: preemption gives a run
about half a minute, sometimes less."""


class CheckpointCallback(BaseCallback):
    """Saves a checkpoint when a run starts, and between rollouts about every ``interval`` steps.

    It must be the last callback, so that all others have processed an update before their state is saved.
    Where a cycle takes longer than LONG_CYCLE_S, the state between any two rollouts is kept in memory, so
    that a stopped run can resume exactly from there. Capturing it costs as much as about 30 steps. ``others``
    are the callbacks whose state belongs to a checkpoint.
    """

    state_key = "checkpoints"

    def __init__(
        self, folder: Path, interval: int, keep: int, stop: GracefulStop, rom_sha1: str,
        extra: Callable[[], dict[str, Any]],
    ) -> None:  # fmt: skip
        super().__init__()
        self.folder, self.interval, self.keep = folder, interval, keep
        self.stop, self.rom_sha1, self.extra = stop, rom_sha1, extra
        self.others: list[BaseCallback] = []
        self.saved_at: int | None = None
        """Step count of the last checkpoint, or None in a new run. It saves before its first step, so that it
        can be resumed whenever it is killed."""
        self.moment: TrainingState | None = None
        """The captured state that matches the current weights, or None."""
        self.refused = False
        """Whether the last checkpoint could not be written."""
        self._began: float | None = None
        self.updating = False
        """Whether an update is in progress, so that the weights match no step count."""

    def snapshot(self) -> dict[str, Any]:
        """Return the step count of the last checkpoint."""
        return {"saved_at": self.saved_at}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError, TypeError or ValueError when it is damaged."""
        self.saved_at = int(snapshot["saved_at"])

    def _on_rollout_start(self) -> None:
        self.stop.halt_if_asked()
        self.updating = False
        due = self.saved_at is None or self.model.num_timesteps - self.saved_at >= self.interval
        asked = self.stop.reason is not None
        hold = self._cycle_is_long()
        self.moment = None
        if not weights_are_finite(self.model):
            self.stop.cut_short = False
            return
        if due:
            self.saved_at = self.model.num_timesteps
        if due or asked or hold:
            self.moment = self._take()
        self.stop.cut_short = hold
        if due:
            self.save(str(self.saved_at))

    def _cycle_is_long(self) -> bool:
        now = time.monotonic()
        began, self._began = self._began, now
        return began is None or now - began >= LONG_CYCLE_S

    def _take(self) -> TrainingState:
        assert isinstance(self.model, PPO)
        return training_state_of(self.model, [*self.others, self], self.rom_sha1)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        self.moment, self.updating = None, True

    def _on_training_end(self) -> None:
        if self.updating and weights_are_finite(self.model):  # the last update is complete
            self.moment = self._take()
        self.updating = False

    def save(self, name: str) -> Path | None:
        """Save under ``name`` and return the folder, or None after a disk error, which becomes a warning."""
        assert isinstance(self.model, PPO)
        try:
            path = save_checkpoint(self.model, self.folder / name, self.extra(), self.moment)
        except CheckpointError as error:
            self.refused = True
            print(f"warning: {error}", file=sys.stderr)
            return None
        self.refused = False
        prune_checkpoints(self.folder, self.keep)
        return path

    def save_last(self, finished: bool) -> None:
        """Save what was learned by the end of the session, even after an error."""
        steps = self.model.num_timesteps
        name = "final" if finished else str(steps)
        if self.moment is not None:
            self.save(name)
        elif not self.updating and not (self.folder / name).exists() and weights_are_finite(self.model):
            # Something failed in the middle of a rollout, so the environments' state is unknown.
            assert isinstance(self.model, PPO)
            self.moment = state_without_environments(self.model, [*self.others, self])
            self.save(name)
