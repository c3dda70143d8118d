"""Exact resume with learned rewards: a stopped run ends as if it was never stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.forked import Forker
from tests.training.session.test_resume import EXACT, curves, episodes, same_in_everything
from training.checkpoints.reading import read_checkpoint
from training.demonstrations.demo_set import DemonstrationSet

pytestmark = pytest.mark.slow

CASES: dict[str, dict[str, Any]] = {
    "counts": {"kind": "counts", "capacity": 16},  # so small that cells are forgotten
    "rnd": {"kind": "rnd", "batch_size": 16, "random_steps": 32},
    "by_episode": {"kind": "counts", "over": "episode", "gamma": 0.99, "episodic": False},
}


def state_of(run: Path) -> Any:
    state = read_checkpoint(run / "checkpoints" / "final").state
    assert state is not None
    return state["callbacks"]["intrinsic"]


def same(one: Any, other: Any) -> bool:
    """Whether two trees with arrays are equal."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(np.array_equal(one, other))


FROM_DEMONSTRATIONS: dict[str, dict[str, Any]] = {
    "amp": {"kind": "amp", "amp_batch_size": 32, "amp_minibatch_size": 16, "amp_replay_buffer_size": 40},
    "near": {"kind": "near", "n_iters": 30, "batch_size": 16, "L": 4, "level_threshold": 0.01},
}


@pytest.mark.parametrize("name", FROM_DEMONSTRATIONS)
def test_rewards_from_demonstrations_resume_exactly(
    forker: Forker, tmp_path: Path, runs: Path, short_set: DemonstrationSet, name: str
) -> None:
    """Without the set, which a resumed run does not need."""
    folder, path = tmp_path / "set", tmp_path / f"{name}.json"
    shutil.copytree(short_set.folder, folder)
    section = {**FROM_DEMONSTRATIONS[name], "demonstrations": str(folder)}
    settings = {"observations": ["place", "progress"], "eval_every_steps": 0, "total_steps": 192}
    path.write_text(json.dumps({**EXACT, **settings, "intrinsic": section}))
    whole, parted = (runs / f"{name}-{kind}" for kind in ("whole", "parted"))
    forker.run("--config", path, "--run-name", whole.name)
    forker.run("--config", path, "--run-name", parted.name, "--stop-after", 100)
    shutil.rmtree(folder)
    forker.run("--resume", parted.name, "--workers", 2)
    same_in_everything(whole, parted)
    assert episodes(whole) == episodes(parted)
    assert same(state_of(whole), state_of(parted))
    manifest = json.loads((whole / "manifest.json").read_text())
    assert manifest["interventions"] == ["demonstrations"]
    assert manifest["demonstrations"]["sha256"] == short_set.sha256


@pytest.mark.parametrize("name", CASES)
def test_stopped_and_resumed_is_the_same_run(forker: Forker, tmp_path: Path, runs: Path, name: str) -> None:
    path = tmp_path / f"{name}.json"
    path.write_text(
        json.dumps({**EXACT, "eval_every_steps": 0, "total_steps": 192, "intrinsic": CASES[name]})
    )
    whole, parted = (runs / f"{name}-{kind}" for kind in ("whole", "parted"))
    forker.run("--config", path, "--run-name", whole.name)
    forker.run("--config", path, "--run-name", parted.name, "--stop-after", 100)
    forker.run("--resume", parted.name, "--workers", 2)
    same_in_everything(whole, parted)
    assert episodes(whole) == episodes(parted)
    assert same(state_of(whole), state_of(parted))
    assert any(key.startswith("intrinsic/") for key in curves(whole))
