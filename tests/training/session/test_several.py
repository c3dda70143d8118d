"""train_ppo.py --seeds: several runs of one config from one command."""

from __future__ import annotations

import json
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import TINY, Program, environment
from tests.training.forked import SWEEP_JOBS, Forker, wait_for
from training.sweeps.local_jobs import TrialsProgress
from training.sweeps.trials import Trial

pytestmark = pytest.mark.slow


def test_several_seeds_from_one_command(program: Program, runs: Path, tiny: Path, plain_run: Path) -> None:
    flags = ("--config", tiny, "--run-name", "many", "--total-steps", 128, "--seeds", 3, "--jobs", 2)
    done = program("train_ppo", *flags, "--learning-rate", 0.001, "--init-from", plain_run.name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "many: 3 seeds, 0 runs already done, 3 to go (384 steps)" in done.stdout
    assert done.stdout.count("many, seed ") == 3
    names = [f"many.s{seed}" for seed in (1, 2, 3)]
    configs = [json.loads((runs / name / "config.json").read_text()) for name in names]
    assert [config["seed"] for config in configs] == [1, 2, 3]
    assert {config["learning_rate"] for config in configs} == {0.001}
    manifests = [json.loads((runs / name / "manifest.json").read_text()) for name in names]
    assert {manifest["config_source"]["file"] for manifest in manifests} == {str(tiny.resolve())}
    assert {Path(manifest["init_from"]).parent.parent for manifest in manifests} == {plain_run}
    assert len({(runs / n / "checkpoints/final/policy.safetensors").read_bytes() for n in names}) == 3
    line = next(line for line in done.stdout.splitlines() if line.startswith("evaluate them: "))
    _, program_path, *said = shlex.split(line.removeprefix("evaluate them: "))
    assert program_path == "training/evaluate.py"
    said[said.index("--episodes") + 1] = "2"
    judged = program("evaluate", *said)
    assert judged.returncode == 0, judged.stderr
    assert "together" in judged.stdout
    again = program("train_ppo", *flags, "--learning-rate", 0.001, "--init-from", plain_run.name)
    assert "3 runs already done, 0 to go (0 steps)" in again.stdout
    other = program("train_ppo", *flags)
    assert other.returncode == 2
    assert "run many.s1 was made with different settings (learning_rate" in other.stderr


def test_the_same_command_continues(program: Program, runs: Path, tiny: Path, forker: Forker) -> None:
    flags = ("--config", tiny, "--run-name", "stopped", "--total-steps", 640, "--seeds", 2)
    first = forker.start(*flags, before=SWEEP_JOBS, environment=environment(runs))
    wait_for(lambda: any((runs / "stopped.s1" / "checkpoints").glob("[!.]*/trainer.json")))
    first.kill(signal.SIGTERM)
    first.wait()
    assert not (runs / "stopped.s2").exists()
    done = program("train_ppo", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    sessions = json.loads((runs / "stopped.s1" / "manifest.json").read_text())["sessions"]
    assert len(sessions) == 2, "resumed"
    assert json.loads((runs / "stopped.s2" / "summary.json").read_text())["steps"] == 640


def test_a_run_that_fails_does_not_stop_the_others(program: Program, runs: Path, tiny: Path) -> None:
    (runs / "half.s1").write_text("no folder")
    done = program("train_ppo", "--config", tiny, "--run-name", "half", "--total-steps", 64, "--seeds", 2)
    assert done.returncode == 1
    assert "half, seed 1: FAILED" in done.stdout
    assert "half, seed 2: " in done.stdout
    assert (runs / "half.s2" / "summary.json").is_file()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("--seeds", 0), "--seeds 0 is out of range: must be 1 to 100000"),
        (("--seeds", 2, "--jobs", 0), "--jobs 0 is out of range: must be 1 to 100000"),
        (("--jobs", 2), "--jobs needs --seeds N"),
        (("--seeds", 2, "--seed", 3), "--seed and --seeds cannot be given together"),
        (("--seeds", 2, "--resume", "first"), "--resume and --seeds cannot be given together"),
        (("--seeds", 2, "--use-graphics"), "--use-graphics and --seeds cannot be given together"),
        (("--seeds", 2, "--num-envs", "auto"), "--num-envs auto and --seeds cannot be given together"),
        (("--seeds", 2, "--run-name", "../x"), "run name '../x.s1'"),
        (("--seeds", 2, "--init-from", "nothing"), "run nothing does not exist"),
        (("--seeds", 2, "--ignore-implausible"), "--ignore-implausible has no effect"),
        (("--seeds", 2, "--rom", "README.md"), "README.md"),
    ],
)
def test_what_concerns_one_run_is_refused(
    refused: Callable[..., str], flags: tuple[Any, ...], line: str
) -> None:
    assert line in refused("train_ppo", *flags)


def test_progress_counts_the_steps_of_all_runs(runs: Path, tmp_path: Path, tiny_trials: list[Trial]) -> None:
    (runs / "counted.s1").mkdir()
    (runs / "counted.s1" / "history.json").write_text('{"steps": 64}')
    progress = TrialsProgress(tiny_trials)
    (runs / "counted.s2").mkdir()
    (runs / "counted.s2" / "history.json").write_text('{"steps": 32}')
    progress.look()
    assert progress.line(1.0) == "training: 96 of 128 steps, 00:01 left"


@pytest.fixture
def tiny_trials(runs: Path, monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """Two runs of 64 steps that have not begun."""
    from training.config.loading import load_config

    monkeypatch.setenv("POKERED_RUNS", str(runs))
    config = load_config(None, {**TINY, "total_steps": 64})
    return [Trial("counted", seed, f"counted.s{seed}", config) for seed in (1, 2)]
