"""Going on with a run: its games in mid-episode, and a folder without what came after the checkpoint."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from stable_baselines3 import PPO

from envs.files import write_atomically
from training.checkpoints.training_state import DAMAGE, misfit, restore_environments
from training.checkpoints.writing import Checkpoint, CheckpointError
from training.event_logs.writer import cut_events_after
from training.ppo.build import environment_seed
from training.runs.folder import EVALUATIONS, TENSORBOARD, RunError


def restore_games(checkpoint: Checkpoint, model: PPO, rom_sha1: str, seed: int, changed: bool) -> None:
    """Put the model's environments back into the middle of their episodes.

    Where they do not fit, new episodes begin, with seeds that the run has not had, and a line says why;
    ``changed`` says that the user accepted other settings, and that damage may come of that.

    Raises:
        CheckpointError: what the checkpoint says of the environments is damaged.
    """
    assert model.env is not None
    try:
        why = misfit(checkpoint.state, model.env.num_envs, rom_sha1)
        if why is None and checkpoint.state is not None:
            restore_environments(checkpoint.state, model)
    except DAMAGE as error:
        if not changed:
            raise CheckpointError(
                f"checkpoint {checkpoint.folder}: its environments are damaged ({error!r})"
            ) from error
        why = "they do not fit the changed settings"
    if why is not None:
        print(f"warning: episodes begin anew: {why}", file=sys.stderr)
        model._last_obs = None
        model.env.seed(environment_seed(seed, checkpoint.steps))


def cut_back(folder: Path, steps: int) -> None:
    """Remove what the run's folder tells of steps after ``steps``, which are about to be taken again.

    Raises:
        RunError: the folder cannot be written.
    """
    try:
        cut_events_after(folder / TENSORBOARD, steps)
        _cut_evaluations(folder / EVALUATIONS, steps)
    except OSError as error:
        raise RunError(f"run folder {folder}: cannot be written: {error.strerror}") from error


def _cut_evaluations(path: Path, steps: int) -> None:
    """Rows of evaluations during training go; what evaluate.py added is a person's."""
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
        return False  # half a row: the process was killed while it wrote it
