"""Schedules and health in whole runs: adapted rates after a resume, and runs stopped by bad findings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import TINY, Program
from training.config.loading import load_config
from training.event_logs.reader import EventReader, event_files

pytestmark = pytest.mark.slow

STEERED = {
    **TINY,
    "n_steps": 16,
    "total_steps": 384,
    "torch_deterministic": True,
    "learning_rate": {"kind": "cosine", "start": 0.001, "end": 0.0001},
    "clip_range": {"kind": "piecewise", "points": [[0, 0.3], [256, 0.1]]},
    "ent_coef_final": 0.001,
    "health": {"approx_kl": "adapt", "kl_target": 0.1},
}
Write = Callable[[dict[str, Any]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def config(settings: dict[str, Any]) -> Path:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(settings))
        return path

    return config


def curve(run: Path, key: str) -> list[tuple[int, float]]:
    rows = EventReader(event_files(run)).rows()
    return [(row.step, row.values[key]) for row in rows if key in row.values]


def test_schedules_and_the_adapted_rate_continue_after_a_resume(
    write: Write, program: Program, runs: Path
) -> None:
    path = write(STEERED)
    assert program("train_ppo", "--config", path, "--run-name", "steered").returncode == 0
    assert (
        program("train_ppo", "--config", path, "--run-name", "steered-on", "--stop-after", 192).returncode
        == 0
    )
    resumed = program("train_ppo", "--resume", "steered-on")
    assert resumed.returncode == 0, resumed.stderr
    assert "health at step 320: approx_kl" in resumed.stderr  # five updates after the change at step 160
    for name in ("ent_coef", "learning_rate", "clip_range"):
        expected = load_config(path).schedules()[name]
        whole = curve(runs / "steered", f"schedule/{name}")
        assert curve(runs / "steered-on", f"schedule/{name}") == whole
        assert [step for step, _ in whole] == list(range(32, 385, 32))
        factors = [1.0] * 5 + [1.5] * 5 + [2.25] * 2 if name == "learning_rate" else [1.0] * 12
        wanted = [expected(step) * factor for (step, _), factor in zip(whole, factors, strict=True)]
        assert [value for _, value in whole] == pytest.approx(wanted, rel=1e-6)
    reports = [json.loads((runs / name / "health.json").read_text()) for name in ("steered", "steered-on")]
    assert reports[0]["learning_rate_changes"] == reports[1]["learning_rate_changes"] != []
    assert reports[0]["updates"] == reports[1]["updates"] == 12


def test_a_bad_finding_ends_a_run_cleanly(write: Write, program: Program, runs: Path) -> None:
    wild = {"learning_rate": 0.3, "n_epochs": 4, "batch_size": 16, "total_steps": 2048}
    path = write({**TINY, **wild, "health": {"approx_kl": "stop", "clip_fraction": "stop"}})
    done = program("train_ppo", "--config", path, "--run-name", "wild")
    assert done.returncode == 0, done.stderr
    report = json.loads((runs / "wild" / "health.json").read_text())
    assert report["stopped"].startswith("health: ")
    assert f"stopped by {report['stopped']}; go on with --resume wild" in done.stdout
    assert "] KL divergence stays below 0.05: " in done.stdout
    steps = report["total_steps"]
    assert 5 * 64 <= steps < 2048
    assert (runs / "wild" / "checkpoints" / str(steps) / "policy.safetensors").is_file()
