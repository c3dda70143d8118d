"""Checkpoints of a real model on the real environment: complete, exact, and safe to read."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from tests.training.conftest import TINY
from training.checkpoints.random_state import restore_random_state
from training.checkpoints.writing import (
    OPTIMIZER,
    POLICY,
    TRAINER,
    CheckpointError,
    apply_training_state,
    apply_weights,
    newest_checkpoint,
    policy_tensors,
    prune_checkpoints,
    read_checkpoint,
    repair_checkpoints,
    save_checkpoint,
)
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.make_env import make_vec_env
from training.ppo.build import build_model

Warn = Callable[[str], None]


def _config(**changes: object) -> TrainConfig:
    return load_config(None, {**TINY, **changes})


def _model(config: TrainConfig) -> PPO:
    return build_model(config, make_vec_env(config))


@pytest.fixture(scope="module")
def model() -> Iterator[PPO]:
    """A model trained on two rollouts."""
    made = _model(_config())
    made.learn(128)
    yield made
    assert made.env is not None
    made.env.close()


@pytest.fixture(scope="module")
def other() -> Iterator[PPO]:
    """A fresh model of the same config and another seed."""
    made = _model(_config(seed=7))
    yield made
    assert made.env is not None
    made.env.close()


def test_what_is_saved_comes_back_exactly(model: PPO, other: PPO, tmp_path: Path) -> None:
    save_checkpoint(model, tmp_path / "128", {"counts": {"episodes": 3}})
    drawn = (random.random(), np.random.random(), torch.rand(3).tolist())  # noqa: NPY002
    checkpoint = read_checkpoint(tmp_path / "128")
    apply_training_state(checkpoint, other)
    restore_random_state(checkpoint.trainer["random"])
    assert (random.random(), np.random.random(), torch.rand(3).tolist()) == drawn  # noqa: NPY002
    assert (other.num_timesteps, other._n_updates) == (128, model._n_updates)
    assert checkpoint.trainer["extra"] == {"counts": {"episodes": 3}}
    for name, tensor in policy_tensors(model).items():
        assert torch.equal(tensor, policy_tensors(other)[name])
    ours, theirs = model.policy.optimizer.state_dict(), other.policy.optimizer.state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    for index, moments in ours["state"].items():
        assert all(torch.equal(moments[name], theirs["state"][index][name]) for name in moments)


def test_shared_weights_are_saved_once_and_shared_again(model: PPO, other: PPO, tmp_path: Path) -> None:
    apply_weights(read_checkpoint(save_checkpoint(model, tmp_path / "x")), other)
    features = other.policy.features_extractor
    assert other.policy.pi_features_extractor is features
    assert len(policy_tensors(other)) == len(list(other.policy.parameters()))


def test_saving_replaces_whole_folders_and_leaves_nothing_else(model: PPO, tmp_path: Path) -> None:
    for _ in range(2):
        save_checkpoint(model, tmp_path / "final")
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
    assert sorted(path.name for path in (tmp_path / "final").iterdir()) == [OPTIMIZER, POLICY, TRAINER]


def test_nothing_in_a_checkpoint_is_a_pickle(model: PPO, tmp_path: Path) -> None:
    folder = save_checkpoint(model, tmp_path / "x")
    for path in folder.iterdir():
        with pytest.raises((pickle.UnpicklingError, ValueError, KeyError, IndexError, EOFError)):
            pickle.loads(path.read_bytes())


class _Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", [POLICY, OPTIMIZER, TRAINER])
def test_a_crafted_file_cannot_run_code(model: PPO, tmp_path: Path, name: str) -> None:
    folder, mark = save_checkpoint(model, tmp_path / "x"), tmp_path / "ran"
    bomb = pickle.dumps(_Bomb(mark))
    (folder / name).write_bytes(bomb)
    if name != TRAINER:  # with the right hash, so that only the check of its format can refuse it
        _change(folder, lambda t: t["sha256"].update({name: hashlib.sha256(bomb).hexdigest()}))
    with pytest.raises(CheckpointError, match=r"not a safetensors file|not valid JSON"):
        read_checkpoint(folder)
    assert not mark.exists()
    pickle.loads(bomb)
    assert mark.exists(), "the bomb would have worked"


def _change(folder: Path, change: Callable[[dict], object]) -> None:
    trainer = json.loads((folder / TRAINER).read_text())
    change(trainer)
    (folder / TRAINER).write_text(json.dumps(trainer))


DAMAGE: list[tuple[str, Callable[[dict], object]]] = [
    ("steps is missing", lambda t: t.pop("steps")),
    ("steps is missing or not of type int", lambda t: t.update(steps="9")),
    ("must not be negative", lambda t: t.update(steps=-1)),
    ("not a checkpoint of format", lambda t: t.update(format=99)),
    ("training state is damaged", lambda t: t["random"].update(torch="00ff")),
    ("training state is damaged", lambda t: t["random"].update(python=[3, [1, 2], None])),
    ("training state is damaged", lambda t: t.update(optimizer_groups=[])),
    ("damaged", lambda t: t.update(sha256={})),
]


@pytest.mark.parametrize(("line", "damage"), DAMAGE)
def test_damage_is_one_line(
    model: PPO, other: PPO, tmp_path: Path, line: str, damage: Callable[[dict], object]
) -> None:
    folder = save_checkpoint(model, tmp_path / "x")
    _change(folder, damage)
    with pytest.raises(CheckpointError, match=line) as caught:
        apply_training_state(read_checkpoint(folder), other)
    assert "\n" not in str(caught.value)


def test_other_spaces_and_networks_are_named(model: PPO, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(save_checkpoint(model, tmp_path / "x"))
    fewer = _model(_config(observations=["screen", "party"]))
    smaller = _model(_config(network={"events": 8}))
    with pytest.raises(CheckpointError, match=r"other spaces: observation bag was Box .*, is absent"):
        apply_weights(checkpoint, fewer)
    with pytest.raises(CheckpointError, match=r"another network: .*events.* is \(32,.*needs \(8,"):
        apply_weights(checkpoint, smaller)
    for made in (fewer, smaller):
        assert made.env is not None
        made.env.close()


def test_a_damaged_checkpoint_falls_back_to_the_previous_one(model: PPO, tmp_path: Path) -> None:
    warnings: list[str] = []
    for name in ("64", "128"):
        save_checkpoint(model, tmp_path / name)
    (tmp_path / "128" / POLICY).write_bytes(b"cut off")
    assert newest_checkpoint(tmp_path, warnings.append).folder.name == "64"
    assert "damaged" in warnings[0]
    (tmp_path / "64" / TRAINER).unlink()
    with pytest.raises(CheckpointError, match="holds no usable checkpoint"):
        newest_checkpoint(tmp_path, warnings.append)


@pytest.mark.parametrize("whole", [True, False])
def test_killed_during_a_replacement(model: PPO, tmp_path: Path, whole: bool) -> None:
    """Between the two renames the old one is gone, and the new one complete beside it, or lost."""
    for name in ("best", ".best.new", "64", ".128.new", ".32.gone"):
        save_checkpoint(model, tmp_path / name, {"name": name})
    (tmp_path / "best").rename(tmp_path / ".best.old")
    if not whole:
        shutil.rmtree(tmp_path / ".best.new")
    repair_checkpoints(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["64", "best"]
    kept = read_checkpoint(tmp_path / "best").trainer["extra"]["name"]
    assert kept == (".best.new" if whole else "best")


def test_pruning_keeps_the_newest_and_the_named(model: PPO, tmp_path: Path) -> None:
    for name in ("64", "128", "1024", "best", "final"):
        save_checkpoint(model, tmp_path / name)
    prune_checkpoints(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1024", "128", "best", "final"]


def test_an_unwritable_folder_gives_one_line(model: PPO, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_checkpoint(model, tmp_path / "file" / "64")
