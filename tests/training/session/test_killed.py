"""SIGKILL at random moments: a run resumes from its last checkpoint and ends as if it was never killed."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.training.forked import Child, Forker, wait_for
from tests.training.session.test_resume import EXACT, curves, episodes, newest, weights
from training.checkpoints.writing import numbered_checkpoints, read_checkpoint

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config for exactly reproducible runs that do not end by themselves."""
    path = tmp_path_factory.mktemp("exact") / "exact.json"
    path.write_text(json.dumps({**EXACT, "total_steps": 1_000_000, "eval_every_steps": 0}))
    return path


def test_killed_at_twenty_random_moments(forker: Forker, exact: Path, runs: Path) -> None:
    """Anything may be in progress: starting, restoring games, cutting curves, learning, saving."""
    generator = random.Random(7)
    run = runs / "killed"
    child = forker.start("--config", exact, "--run-name", "killed")
    began = time.monotonic()  # the forker has already imported everything
    wait_for(lambda: newest(run) > 0)
    longest = min(1.5 * (time.monotonic() - began), 15.0)  # from a start to past its first checkpoint
    reached = 0
    for _ in range(20):
        time.sleep(generator.uniform(0, longest))
        child.kill(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL, child.errors
        assert _left_off(child)
        saved = numbered_checkpoints(run / "checkpoints")
        assert [read_checkpoint(path).steps for path in saved] == [int(path.name) for path in saved]
        assert newest(run) >= reached, "a checkpoint was lost"
        reached = newest(run)
        child = forker.start("--resume", "killed")
    _until_training(child, reached)
    child.kill(signal.SIGKILL)
    child.wait()
    end = newest(run) + 128
    forker.run("--resume", "killed", "--stop-after", end)
    forker.run("--config", exact, "--run-name", "spared", "--stop-after", end)
    assert weights(run, str(end)) == weights(runs / "spared", str(end))
    assert curves(run) == curves(runs / "spared")
    assert episodes(run) == episodes(runs / "spared")


def _left_off(child: Child) -> bool:
    """Whether a killed session printed only that it had started."""
    return "error" not in child.errors and "Traceback" not in child.errors


def test_killed_before_the_first_update(forker: Forker, exact: Path, runs: Path) -> None:
    """An untrained run resumes too, and ends like one that was not killed."""
    run = runs / "early"
    child = forker.start("--config", exact, "--run-name", "early", "--n-steps", 512)
    wait_for((run / "checkpoints" / "0").is_dir)
    child.kill(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert [path.name for path in numbered_checkpoints(run / "checkpoints")] == ["0"]
    forker.run("--resume", "early", "--stop-after", 1024)
    forker.run("--config", exact, "--run-name", "late", "--n-steps", 512, "--stop-after", 1024)
    assert weights(run, "1024") == weights(runs / "late", "1024")
    assert curves(run) == curves(runs / "late")
    assert episodes(run) == episodes(runs / "late")
    shutil.rmtree(run / "checkpoints")  # as where it is killed before that one
    child = forker.start("--resume", "early")
    assert child.wait() == 2
    assert "run early ended before its first step; remove" in child.errors


def _until_training(child: Child, steps: int) -> None:
    wait_for(lambda: f"from step {steps:,}" in child.shown or bool(child.errors))
    assert f"from step {steps:,}" in child.shown, child.errors
