"""Writes checkpoints: weights, optimizer and arrays as safetensors, everything else as JSON.

A checkpoint is a folder that is written under a temporary name, flushed to disk and renamed, so it is always
complete. ``trainer.json`` holds the hash of each other file and the schema of the spaces.
``environments.json`` and ``environments.safetensors`` hold what an exact resume needs beyond that: the games
in mid-episode and the state of callbacks. A checkpoint that is only for evaluation has neither.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors
from stable_baselines3 import PPO

from envs.files import write_synced
from envs.tree_codec import pack
from training.checkpoints.applying import apply_training_state, apply_weights, policy_tensors
from training.checkpoints.reading import (
    FORMAT,
    OPTIMIZER,
    POLICY,
    STATE,
    STATE_ARRAYS,
    TRAINER,
    Checkpoint,
    CheckpointError,
    OtherFormat,
    read_checkpoint,
)
from training.checkpoints.spaces_schema import spaces_schema
from training.checkpoints.training_state import TrainingState, counts_of

__all__ = [
    "OPTIMIZER",
    "POLICY",
    "STATE",
    "STATE_ARRAYS",
    "TRAINER",
    "Checkpoint",
    "CheckpointError",
    "apply_training_state",
    "apply_weights",
    "policy_tensors",
    "read_checkpoint",
]


def save_checkpoint(
    model: PPO, folder: Path, extra: Mapping[str, Any] | None = None, moment: TrainingState | None = None
) -> Path:
    """Write ``model`` to ``folder``, replacing its content. ``extra`` is stored as JSON in trainer.json.

    ``moment`` is the training state that matches the weights, which do not change during a rollout. By
    default it is the current one, without environments.

    Raises:
        CheckpointError: the folder cannot be written; the previous checkpoint is then unchanged.
    """
    moment = moment or counts_of(model)
    policy = {name: tensor.detach().cpu().contiguous() for name, tensor in policy_tensors(model).items()}
    optimizer = model.policy.optimizer.state_dict()
    moments = {
        f"{index}.{name}": value.detach().cpu().contiguous()
        for index, values in optimizer["state"].items()
        for name, value in values.items()
    }
    files = {POLICY: save_tensors(policy), OPTIMIZER: save_tensors(moments), **_state_files(moment)}
    trainer = {
        "format": FORMAT,
        "steps": moment.steps,
        "updates": moment.updates,
        "spaces": spaces_schema(model.observation_space, model.action_space),
        "optimizer_groups": optimizer["param_groups"],
        "random": moment.random,
        "extra": dict(extra or {}),
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    files[TRAINER] = json.dumps(trainer, indent=1).encode()
    try:
        _write_folder(folder, files)
    except OSError as error:
        raise CheckpointError(f"checkpoint {folder}: cannot be written: {error.strerror}") from error
    return folder


def save_weights(checkpoint: Checkpoint, folder: Path) -> Path:
    """Write the weights of ``checkpoint`` to ``folder`` as a checkpoint without optimizer state and games.

    Raises CheckpointError if the folder cannot be written.
    """
    files = {POLICY: save_tensors(dict(checkpoint.policy)), OPTIMIZER: save_tensors({})}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    files[TRAINER] = json.dumps({**checkpoint.trainer, "sha256": hashes}, indent=1).encode()
    try:
        _write_folder(folder, files)
    except OSError as error:
        raise CheckpointError(f"checkpoint {folder}: cannot be written: {error.strerror}") from error
    return folder


def _state_files(moment: TrainingState) -> dict[str, bytes]:
    if moment.state is None:
        return {}
    plain, arrays = pack(moment.state)
    return {STATE: json.dumps(plain).encode(), STATE_ARRAYS: save_arrays(arrays)}


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.new")
    stale = folder.with_name(f".{folder.name}.old")
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        fresh.mkdir()
        for name, data in files.items():
            write_synced(fresh / name, data)
        _sync_folder(fresh)
        if folder.exists():
            folder.rename(stale)
        fresh.rename(folder)
        _sync_folder(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(stale, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def numbered_checkpoints(checkpoints: Path) -> list[Path]:
    """Return the checkpoints named by their steps, newest (most steps) first."""
    if not checkpoints.is_dir():
        return []
    numbered = [path for path in checkpoints.iterdir() if path.name.isascii() and path.name.isdigit()]
    return sorted(numbered, key=lambda path: int(path.name), reverse=True)


def newest_checkpoint(checkpoints: Path, warn: Callable[[str], None]) -> Checkpoint:
    """Return the valid checkpoint with the most steps. ``warn`` is called for each damaged one skipped.

    Raises:
        OtherFormat: the newest has another format.
        CheckpointError: there is no valid checkpoint.
    """
    sound: list[Checkpoint] = []
    for folder in [checkpoints / "final", *numbered_checkpoints(checkpoints)]:
        if not folder.is_dir():
            continue
        try:
            sound.append(read_checkpoint(folder))
        except OtherFormat:
            raise  # older ones have that format too
        except CheckpointError as error:
            warn(str(error))
            continue
        if folder.name != "final":
            break
    if not sound:
        raise CheckpointError(f"{checkpoints} holds no usable checkpoint")
    return max(sound, key=lambda checkpoint: checkpoint.steps)


def repair_checkpoints(checkpoints: Path) -> None:
    """Repair checkpoints after a process was killed while writing them.

    A checkpoint that was being replaced is put back, as the new version if that was complete. Incomplete
    folders are removed. No other process may be writing.
    """
    with contextlib.suppress(OSError):
        for stale in checkpoints.glob(".*.old"):
            name = stale.name.removeprefix(".").removesuffix(".old")
            fresh, folder = checkpoints / f".{name}.new", checkpoints / name
            if not folder.exists():
                # The old one is renamed only once the new one is complete and on disk.
                (fresh if fresh.is_dir() else stale).rename(folder)
    for pattern in (".*.old", ".*.new", ".*.gone"):
        for leftover in checkpoints.glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)


def prune_checkpoints(checkpoints: Path, keep: int) -> None:
    """Remove all but the newest ``keep`` numbered checkpoints; "best" and "final" stay."""
    for path in numbered_checkpoints(checkpoints)[keep:]:
        # Renamed first, so that a kill never leaves a half-deleted folder that looks like a checkpoint.
        gone = path.with_name(f".{path.name}.gone")
        with contextlib.suppress(OSError):
            path.replace(gone)
    for gone in checkpoints.glob(".*.gone"):
        shutil.rmtree(gone, ignore_errors=True)
