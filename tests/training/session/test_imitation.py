"""Runs that begin with demonstrations: cloning alone, cloning and PPO, exact resume, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.conftest import TINY, Program
from tests.training.forked import Forker
from tests.training.session.test_resume import EXACT, curves, episodes, weights
from training.checkpoints.reading import read_checkpoint
from training.demonstrations.demo_set import DemonstrationSet

SMALL = {**TINY, "start": "starter", "observations": ["place", "fight", "party"]}


def config(path: Path, found: DemonstrationSet | Path, base: dict[str, Any] = SMALL, **settings: Any) -> Path:
    """A config that names a set."""
    folder = found if isinstance(found, Path) else found.folder
    init = {"demonstrations": str(folder), "epochs": 2, "batch_size": 32, **settings.pop("init", {})}
    path.write_text(json.dumps({**base, "init": init, **settings}))
    return path


def logged(run: Path) -> EventAccumulator:
    found = EventAccumulator(str(next((run / "tensorboard").iterdir())))
    found.Reload()
    return found


@pytest.mark.slow
def test_a_run_can_only_clone(
    program: Program, runs: Path, tmp_path: Path, short_set: DemonstrationSet
) -> None:
    path = config(tmp_path / "only.json", short_set, total_steps=0)
    result = program("train_ppo", "--config", path, "--run-name", "only-cloned")
    assert result.returncode == 0, result.stderr
    assert "cloned " in result.stdout and "0 of 0" in result.stdout
    run = runs / "only-cloned"
    assert read_checkpoint(run / "checkpoints" / "final").steps == 0
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["interventions"] == ["demonstrations"]
    assert (manifest["demonstrations"]["episodes"], manifest["demonstrations"]["sha256"]) == (
        3,
        short_set.sha256,
    )
    assert json.loads((run / "summary.json").read_text())["interventions"] == {"demonstrations": 3}
    found = logged(run)
    assert [event.step for event in found.Scalars("clone/held_out_accuracy")] == [0, 1, 2]
    assert [event.step for event in found.Scalars("clone/loss")] == [1, 2]

    shown = program("evaluate", "only-cloned", "--episodes", 2)
    assert shown.returncode == 0, shown.stderr
    assert "interventions: only-cloned: demonstrations 3" in shown.stdout

    other = json.dumps({**SMALL, "total_steps": 64})
    (tmp_path / "on.json").write_text(other)
    program(
        "train_ppo", "--config", tmp_path / "on.json", "--run-name", "goes-on", "--init-from", "only-cloned"
    )
    manifest = json.loads((runs / "goes-on" / "manifest.json").read_text())
    assert manifest["demonstrations"]["episodes"] == 3, "its weights come from there"
    again = program("train_ppo", "--resume", "only-cloned")
    assert again.returncode == 2
    assert "has completed all its 0 steps" in again.stderr


@pytest.mark.slow
def test_stopped_and_resumed_is_the_same_run(
    forker: Forker, tmp_path: Path, runs: Path, short_set: DemonstrationSet
) -> None:
    settings = {"observations": ["place", "fight"], "eval_every_steps": 0, "total_steps": 192}
    coefficient = {"kind": "linear", "start": 0.5, "end": 0.1}
    path = config(tmp_path / "exact.json", short_set, EXACT, bc_coef=coefficient, **settings)
    whole, parted = runs / "imitating-whole", runs / "imitating-parted"
    forker.run("--config", path, "--run-name", whole.name)
    forker.run("--config", path, "--run-name", parted.name, "--stop-after", 100)
    forker.run("--resume", parted.name, "--workers", 2)
    assert weights(whole) == weights(parted)
    assert curves(whole) == curves(parted)
    assert episodes(whole) == episodes(parted)
    assert {"train/bc_loss", "schedule/bc_coef", "clone/loss"} <= set(logged(whole).Tags()["scalars"])


@pytest.mark.slow
def test_a_run_that_only_cloned_needs_its_set_no_more(
    program: Program, runs: Path, tmp_path: Path, short_set: DemonstrationSet
) -> None:
    copy = Path(shutil.copytree(short_set.folder, tmp_path / "copy"))
    path = config(tmp_path / "once.json", copy, total_steps=128)
    result = program("train_ppo", "--config", path, "--run-name", "set-is-gone", "--stop-after", 64)
    assert result.returncode == 0, result.stderr
    shutil.rmtree(copy)
    result = program("train_ppo", "--resume", "set-is-gone")
    assert result.returncode == 0, result.stderr
    assert "replaying" not in result.stdout


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"action_frames": 20}, "was played with action_frames 24, but the config has 20"),
        ({"init": {"demonstrations": "nowhere"}}, "nowhere: not a set of demonstrations"),
        ({"init": {"epochs": 0}}, "init has no effect with epochs 0: set bc_coef"),
        ({"init": {"epochs": 0}, "total_steps": 0}, "total_steps 0 trains nothing"),
        ({"init": {"held_out": 1.0}}, "init.held_out 1.0 is out of range: must be at most 0.9"),
        ({"init": {"epoch": 1}}, "epoch is not a key of"),
        ({"bc_coef": 0.1, "total_steps": 0}, "bc_coef 0.1 has no effect with total_steps 0"),
        ({"bc_coef": -1.0}, "bc_coef -1.0 is out of range"),
    ],
)
def test_wrong_settings_are_one_line(
    refused: Callable[..., str],
    tmp_path: Path,
    short_set: DemonstrationSet,
    settings: dict[str, Any],
    line: str,
) -> None:
    assert line in refused("train_ppo", "--config", config(tmp_path / "wrong.json", short_set, **settings))


def test_imitation_needs_demonstrations(refused: Callable[..., str], tiny: Path) -> None:
    line = 'bc_coef 0.1 has no effect without demonstrations: name them in "init"'
    assert line in refused("train_ppo", "--config", tiny, "--bc-coef", 0.1)
    assert "total_steps 0 trains nothing" in refused("train_ppo", "--config", tiny, "--total-steps", 0)
