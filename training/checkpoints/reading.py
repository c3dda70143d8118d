"""Reads untrusted checkpoints: sizes, hashes and types are checked, and nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.torch import load as load_tensors

from envs.errors import UserError
from envs.files import read_plain
from envs.tree_codec import unpack

FORMAT = 4  # 3 had no controls of the update and no places behind an episode's start
POLICY, OPTIMIZER, TRAINER = "policy.safetensors", "optimizer.safetensors", "trainer.json"
STATE, STATE_ARRAYS = "environments.json", "environments.safetensors"
MAX_TRAINER_BYTES = 10_000_000
MAX_JSON_BYTES = 200_000_000  # of the environments; 16 in mid-episode take about 0.3 million
MAX_TENSOR_BYTES = 2_000_000_000


class CheckpointError(UserError):
    """A checkpoint is missing, damaged, or made for other spaces; the message is one line."""


class OtherFormat(CheckpointError):
    """A checkpoint has a format that this version does not read."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and verified, but not yet applied to a model."""

    folder: Path
    steps: int
    trainer: Mapping[str, Any]
    policy: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, torch.Tensor]
    state: Mapping[str, Any] | None = None  # see training.checkpoints.training_state


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read the checkpoint in ``folder`` and check every file against its hash.

    Raises:
        OtherFormat: it has another format.
        CheckpointError: a file is missing or damaged.
    """
    trainer = _read_trainer(folder / TRAINER)
    hashes = trainer["sha256"]
    policy = _read_tensors(folder / POLICY, hashes.get(POLICY), load_tensors)
    optimizer = _read_tensors(folder / OPTIMIZER, hashes.get(OPTIMIZER), load_tensors)
    state = _read_state(folder, hashes) if STATE in hashes else None
    return Checkpoint(folder, trainer["steps"], trainer, policy, optimizer, state)


def _read_state(folder: Path, hashes: Mapping[str, Any]) -> Mapping[str, Any]:
    plain = _parse(folder / STATE, _read_file(folder / STATE, hashes[STATE], MAX_JSON_BYTES))
    arrays = _read_tensors(folder / STATE_ARRAYS, hashes.get(STATE_ARRAYS), load_arrays)
    try:
        state = unpack(plain, arrays)
    except (KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"checkpoint {folder / STATE}: an array is missing or damaged") from error
    if not isinstance(state, dict) or not isinstance(state.get("callbacks"), dict):
        raise CheckpointError(f"checkpoint {folder / STATE}: not an object with the states of callbacks")
    return state


def _read_trainer(path: Path) -> dict[str, Any]:
    trainer = _parse(path, _read_bytes(path, MAX_TRAINER_BYTES))
    found = trainer.get("format") if isinstance(trainer, dict) else None
    if type(found) is int and found != FORMAT:
        raise OtherFormat(
            f"checkpoint {path}: not a checkpoint of format {FORMAT}, which this version reads, but of"
            f" format {found}: use the version that wrote it"
        )
    if not isinstance(trainer, dict) or found != FORMAT:
        raise CheckpointError(f"checkpoint {path}: not a checkpoint of format {FORMAT}")
    kinds = {"steps": int, "updates": int, "spaces": dict, "optimizer_groups": list, "random": dict}
    for key, kind in {**kinds, "extra": dict, "sha256": dict}.items():
        if not isinstance(trainer.get(key), kind) or isinstance(trainer[key], bool):
            raise CheckpointError(f"checkpoint {path}: {key} is missing or not of type {kind.__name__}")
    if trainer["steps"] < 0 or trainer["updates"] < 0:
        raise CheckpointError(f"checkpoint {path}: steps and updates must not be negative")
    return trainer


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        return read_plain(path, limit)
    except OSError as error:
        raise CheckpointError(f"checkpoint {path}: cannot be read: {error.strerror}") from error


def _parse(path: Path, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"checkpoint {path}: not valid JSON") from error


def _read_file(path: Path, expected_hash: object, limit: int) -> bytes:
    data = _read_bytes(path, limit)
    if hashlib.sha256(data).hexdigest() != expected_hash:
        raise CheckpointError(f"checkpoint {path}: damaged (its SHA-256 is not the one in {TRAINER})")
    return data


def _read_tensors(path: Path, expected_hash: object, load: Callable[[bytes], Any]) -> dict[str, Any]:
    data = _read_file(path, expected_hash, MAX_TENSOR_BYTES)
    try:
        return dict(load(data))
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"checkpoint {path}: not a safetensors file") from error
