"""Resumes a run: restores its checkpoint and removes later data from its folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from envs.files import write_atomically
from envs.installation import program
from training.checkpoints.applying import apply_training_state
from training.checkpoints.callback_states import callbacks_by_key, key_differences, restore_callbacks
from training.checkpoints.random_state import restore_random_state
from training.checkpoints.reading import Checkpoint, CheckpointError
from training.checkpoints.training_state import DAMAGE, misfit, restore_environments
from training.event_logs.writer import cut_events_after
from training.ppo.build import environment_seed
from training.runs.folder import EVALUATIONS, TENSORBOARD, RunError
from training.session.plan import Plan


def restore_session(plan: Plan, model: PPO, callbacks: Iterable[BaseCallback]) -> FinishRestore:
    """Restore ``model``, its environments and ``callbacks`` from ``plan.resume``.

    Nothing in the run's folder changes. The returned callback must be the last one passed to ``learn()``: it
    restores what would change before training starts.

    Raises:
        CheckpointError: the checkpoint does not fit, or is damaged.
    """
    checkpoint = plan.resume
    assert checkpoint is not None
    apply_training_state(checkpoint, model)
    restore_games(checkpoint, model, plan.task.game.sha1, plan.config.seed, plan.accept_changes)
    restore_memories(checkpoint, callbacks, plan.accept_changes)
    return FinishRestore(checkpoint)


class FinishRestore(BaseCallback):
    """Completes a restore when training starts, after all other callbacks.

    It empties the logger and restores the random generators. Until then event writers, trackers and callbacks
    may draw from the generators. It does nothing during rollouts, so it may come after CheckpointCallback.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.checkpoint = checkpoint

    def _on_training_start(self) -> None:
        # Values recorded by now belong to a step that was logged before the checkpoint.
        for values in (self.logger.name_to_value, self.logger.name_to_count, self.logger.name_to_excluded):
            values.clear()
        restore_random_state(self.checkpoint.trainer["random"])

    def _on_step(self) -> bool:
        return True


def restore_games(checkpoint: Checkpoint, model: PPO, rom_sha1: str, seed: int, changed: bool) -> None:
    """Restore the model's environments in the middle of their episodes.

    If they do not fit, new episodes start with unused seeds, and a warning says why. ``changed`` means that
    the user accepted other settings, so that a failure to restore counts as a misfit, not as damage.

    Raises:
        CheckpointError: the state of the environments in the checkpoint is damaged.
    """
    assert model.env is not None
    state = _state(checkpoint)
    try:
        why = misfit(state, model.env.num_envs, rom_sha1)
        if why is None:
            restore_environments(state, model)
    except DAMAGE as error:
        if not changed:
            raise CheckpointError(
                f"checkpoint {checkpoint.folder}: its environments are damaged ({error!r})"
            ) from error
        why = "they do not fit the changed settings"
    if why is not None:
        print(f"warning: new episodes start: {why}", file=sys.stderr)
        model._last_obs = None
        model.env.seed(environment_seed(seed, checkpoint.steps))


def restore_memories(checkpoint: Checkpoint, callbacks: Iterable[BaseCallback], changed: bool) -> None:
    """Restore the state of ``callbacks``.

    The checkpoint must hold exactly the states that the callbacks need. With ``changed``, a warning says what
    differs, and the rest is restored.

    Raises:
        CheckpointError: keys differ, or a state is damaged.
        ValueError: two callbacks have the same key.
    """
    saved, present = _state(checkpoint)["callbacks"], callbacks_by_key(callbacks)
    differences = key_differences(saved, present)
    if differences is not None:
        line = f"checkpoint {checkpoint.folder} does not fit this version's callbacks: {differences}"
        if not changed:
            raise CheckpointError(
                f"{line}; {program('train_ppo.py')} --accept-changes continues without them"
            )
        print(f"warning: {line}", file=sys.stderr)
    try:
        restore_callbacks(saved, present)
    except DAMAGE as error:
        raise CheckpointError(
            f"checkpoint {checkpoint.folder}: the state of callbacks is damaged ({error!r})"
        ) from error


def _state(checkpoint: Checkpoint) -> Mapping[str, Any]:
    if checkpoint.state is None:
        raise CheckpointError(
            f"checkpoint {checkpoint.folder} has only weights; --init-from starts another run with them"
        )
    return checkpoint.state


def cut_back(folder: Path, steps: int) -> None:
    """Remove the run folder's data about steps after ``steps``, which are about to be repeated.

    Raises:
        RunError: the folder cannot be written.
    """
    try:
        cut_events_after(folder / TENSORBOARD, steps)
        _cut_evaluations(folder / EVALUATIONS, steps)
    except OSError as error:
        raise RunError(f"run folder {folder}: cannot be written: {error.strerror}") from error


def _cut_evaluations(path: Path, steps: int) -> None:
    """Remove rows of evaluations during training. Rows that the user added with evaluate.py stay."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    kept = [line for line in lines if _stays(line, steps)]
    if len(kept) < len(lines):
        write_atomically(path, "".join(line + "\n" for line in kept).encode())


def _stays(line: str, steps: int) -> bool:
    try:
        row: Any = json.loads(line)
        return row.get("while") != "training" or int(row["steps"]) <= steps
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False  # an incomplete row: the process was killed while writing it
