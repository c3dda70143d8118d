"""Keeps checkpoints while a run learns, and puts its callbacks back to where they were when it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.graceful_stop import GracefulStop
from callbacks.health.callback import weights_are_finite
from training.checkpoints.random_state import restore_random_state
from training.checkpoints.training_state import DAMAGE, TrainingState, restore_callbacks, training_state_of
from training.checkpoints.writing import Checkpoint, CheckpointError, prune_checkpoints, save_checkpoint

LONG_CYCLE_S = 10.0
"""Seconds of one rollout and its update from which on a signal does not wait for their end: who preempts a
run gives it half a minute, now and then less."""


class CheckpointCallback(BaseCallback):
    """Saves as a run begins and every ``interval`` steps, at the first moment after it when no rollout is
    half done.

    It must be the last callback: what it keeps is how things are when everybody else is done with an update.
    Where a cycle takes longer than LONG_CYCLE_S, every moment between two rollouts is kept in
    memory, so that a run that is stopped can go on from there to the bit; taking it costs as much as playing
    some 30 steps. ``others`` are the callbacks whose state belongs to a checkpoint.
    """

    def __init__(
        self, folder: Path, interval: int, keep: int, stop: GracefulStop, rom_sha1: str,
        extra: Callable[[], dict[str, Any]], resume: Checkpoint | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.folder, self.interval, self.keep = folder, interval, keep
        self.stop, self.rom_sha1, self.extra = stop, rom_sha1, extra
        self.resume = resume
        self.others: Sequence[BaseCallback] = ()
        self.saved_at = 0
        self.moment: TrainingState | None = None
        """The one that the weights belong to; None when it was not taken."""
        self.refused = False
        """Whether the disk refused the last checkpoint."""
        self._began: float | None = None
        self.updating = False
        """Whether an update is under way, and weights belong to no count of steps."""

    def snapshot(self) -> dict[str, Any]:
        """The step count of the last checkpoint."""
        return {"saved_at": self.saved_at}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from what ``snapshot`` gave. Raises KeyError, TypeError or ValueError when damaged."""
        self.saved_at = int(snapshot["saved_at"])

    def _on_training_start(self) -> None:
        # A fresh run saves before its first step: killed at whatever moment, it can be resumed.
        self.saved_at = self.model.num_timesteps - (self.interval if self.resume is None else 0)
        if self.resume is not None and self.resume.state is not None:
            try:
                restore_callbacks(self.resume.state, [*self.others, self])
            except DAMAGE as error:
                raise CheckpointError(
                    f"checkpoint {self.resume.folder}: what callbacks remember is damaged ({error!r})"
                ) from error
        if self.resume is not None:
            # What others have recorded by now belongs to a step that was logged before the checkpoint.
            for values in (
                self.logger.name_to_value,
                self.logger.name_to_count,
                self.logger.name_to_excluded,
            ):
                values.clear()
            # Last of all: what was made since the checkpoint was read may have drawn from them.
            restore_random_state(self.resume.trainer["random"])

    def _on_rollout_start(self) -> None:
        self.stop.halt_if_asked()
        self.updating = False
        due = self.model.num_timesteps - self.saved_at >= self.interval
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
        """Save under ``name``; a disk that refuses costs a warning, not the run. Returns the folder."""
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
        """Save what was learned until the end of the session, however that came."""
        steps = self.model.num_timesteps
        name = "final" if finished else str(steps)
        if self.moment is not None:
            self.save(name)
        elif not self.updating and not (self.folder / name).exists() and weights_are_finite(self.model):
            self.save(name)  # without environments: something failed in the middle of a rollout
