"""Exact resume on the real game in real processes: a stopped run ends as if it was never stopped."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.conftest import TINY
from tests.training.forked import Forker, wait_for
from training.checkpoints.writing import numbered_checkpoints, read_checkpoint

pytestmark = pytest.mark.slow

STEPS = 384
EXACT = {
    **TINY,
    "start": None,
    "starts": {"starter": 2, "route1": 1},
    "max_steps": 50,
    "total_steps": STEPS,
    "torch_deterministic": True,
    "eval_every_steps": 128,
    "step_timeout": 120,  # replacing a worker because the machine is busy would change the run
    "eval_episodes": 1,
    "ent_coef_final": 0.0,
    "rewards": {"exploration_new_tile": 0.1, "battle_start_bonus": 1.0, "penalty_wall": -0.01},
}


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config for exactly reproducible runs."""
    path = tmp_path_factory.mktemp("exact") / "exact.json"
    path.write_text(json.dumps(EXACT))
    return path


@pytest.fixture(scope="module")
def whole(forker: Forker, exact: Path, runs: Path) -> Path:
    """A run that nothing stopped."""
    forker.run("--config", exact, "--run-name", "unbroken")
    return runs / "unbroken"


def weights(run: Path, name: str = "final") -> str:
    return hashlib.sha256((run / "checkpoints" / name / "policy.safetensors").read_bytes()).hexdigest()


MEASURED = {f"health/{name}" for name in ("steps_per_s", "rss_mb", "steps_per_second", "memory", "verdict")}
"""Curves beside perf/ and time/ that depend on how busy the machine is: two measurements, what health says of
each, and its worst word on anything."""


def curves(run: Path) -> dict[str, Any]:
    """Return all points of the run's curves; only the steps where the machine's load changes the values."""
    events = EventAccumulator(str(run / "tensorboard"), {"scalars": 0, "images": 0})
    events.Reload()
    found: dict[str, Any] = {}
    for tag in events.Tags()["scalars"]:
        timed = tag.startswith(("perf/", "time/")) or tag in MEASURED
        found[tag] = [(e.step, None if timed else repr(e.value)) for e in events.Scalars(tag)]
    for tag in events.Tags()["images"]:
        found[tag] = [(e.step, e.encoded_image_string) for e in events.Images(tag)]
    return found


def same_in_everything(one: Path, other: Path, name: str = "final") -> None:
    assert weights(one, name) == weights(other, name)
    assert curves(one) == curves(other)
    samples = [np.load(run / "agent_stats.npz")["samples"] for run in (one, other)]
    assert (samples[0] == samples[1]).all()
    rows = [[json.loads(line) for line in (run / "eval.jsonl").open()] for run in (one, other)]
    assert rows[0] == rows[1]
    trainers = [read_checkpoint(run / "checkpoints" / name).trainer for run in (one, other)]
    assert trainers[0]["extra"] == trainers[1]["extra"]
    assert trainers[0]["random"] == trainers[1]["random"]


def episodes(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run / "episodes").glob("*.episode")}


def newest(run: Path) -> int:
    return max((int(path.name) for path in numbered_checkpoints(run / "checkpoints")), default=0)


def test_stopped_and_resumed_is_the_same_run(forker: Forker, exact: Path, runs: Path, whole: Path) -> None:
    forker.run("--config", exact, "--run-name", "parted", "--stop-after", 100)
    forker.run("--resume", "parted", "--stop-after", 320)
    forker.run(
        "--resume", "parted", "--workers", 2
    )  # the distribution of games over processes does not matter
    same_in_everything(whole, runs / "parted")
    assert episodes(whole) == episodes(runs / "parted")


def test_evaluations_during_training_change_nothing(
    forker: Forker, exact: Path, whole: Path, runs: Path
) -> None:
    forker.run("--config", exact, "--run-name", "unseen", "--eval-every-steps", 0)
    assert (whole / "checkpoints" / "best").is_dir()
    assert weights(runs / "unseen") == weights(whole)
    assert not (runs / "unseen" / "eval.jsonl").exists()


# The second: as if rollouts took so long that a signal does not wait for their end.
@pytest.mark.parametrize(
    "before", ["", "import training.session.checkpoint_callback as k; k.LONG_CYCLE_S = 0.0"]
)
def test_a_signal_at_any_moment_changes_nothing(
    forker: Forker, exact: Path, runs: Path, whole: Path, before: str
) -> None:
    name, generator = f"signals-{len(before)}", random.Random(4)
    child = forker.start("--config", exact, "--run-name", name, before=before)
    dropped = 0
    for stopped, number in enumerate((signal.SIGTERM, signal.SIGINT, signal.SIGTERM)):
        begin = newest(runs / name)
        wait_for(lambda begin=begin: newest(runs / name) > begin)
        time.sleep(generator.uniform(0, 0.2))
        child.kill(number)
        assert child.wait() == 0, child.errors
        if (runs / name / "checkpoints" / "final").is_dir():
            assert stopped and weights(runs / name) == weights(whole)
            return  # training ended before the signal, which only aborted the last evaluation
        assert f"stopped by {number.name}; go on with --resume {name}" in child.shown
        assert "took its place" not in child.errors
        dropped += "steps again" in child.shown
        child = forker.start("--resume", name, before=before)
    assert child.wait() == 0, child.errors
    same_in_everything(whole, runs / name)
    assert dropped or not before, "a long rollout is given up"


def test_a_clock_that_runs_backwards_changes_nothing(
    forker: Forker, exact: Path, runs: Path, whole: Path
) -> None:
    """Every reading of the clock is an hour before the last one; only the time module can be faked so."""
    backwards = """
import time
now = [time.time()]
def earlier():
    now[0] -= 3600
    return now[0]
time.time, time.time_ns = earlier, lambda: int(earlier() * 1e9)
"""
    for flags in (("--config", exact, "--run-name", "clock", "--stop-after", 256), ("--resume", "clock")):
        child = forker.run(*flags, before=backwards)
        assert "Traceback" not in child.errors
    same_in_everything(whole, runs / "clock")
