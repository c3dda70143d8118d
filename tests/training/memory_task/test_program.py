"""Tests of the program of the memory task: it trains, continues after a stop, and refuses mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.paths import ROOT
from training.cli.parsing import UsageError
from training.memory_task.__main__ import main

CONFIGS = ROOT / "configs" / "memory_task"


def tiny(folder: Path, name: str) -> str:
    """A config that trains for one update of a policy that ships with the task."""
    path = folder / f"{name}.json"
    changes = {"num_envs": 2, "workers": 1, "n_steps": 32, "batch_size": 64, "n_epochs": 1, "total_steps": 64}
    path.write_text(json.dumps({"extends": str(CONFIGS / f"{name}.json"), **changes}))
    return str(path)


@pytest.mark.slow
def test_trials_are_run_once_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [*(tiny(tmp_path, name) for name in ("tiles", "lstm")), "--seeds", "1", "--episodes", "6"]
    flags += ["--out", str(tmp_path / "results")]
    assert main(flags) == 0
    first = capsys.readouterr().out
    assert "tiles, seed 1: 64 steps" in first and "lstm, seed 1: 64 steps" in first
    (tmp_path / "results" / "tiles-seed-1.json").unlink()
    assert main(flags) == 0
    again = capsys.readouterr().out
    assert "tiles, seed 1: 64 steps" in again and "lstm, seed 1: 64 steps" not in again
    assert first.split("\n\n")[-1] == again.split("\n\n")[-1], "seeds decide everything"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--seeds", "0"], "--seeds 0 is out of range: must be 1 to 10000"),
        (["--episodes", "0"], "--episodes 0 is out of range: must be 1 to 10000"),
        ([str(CONFIGS / "tiles.json")], "two configs are named tiles"),
    ],
)
def test_mistakes_are_named(flags: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        main([str(CONFIGS / "tiles.json"), *flags])
