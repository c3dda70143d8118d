"""What the tests of training share: programs as real processes, and runs in a folder of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT
from tests.training.forked import SWEEP_JOBS, Forker
from training.demonstrations.demo_set import DemonstrationSet
from training.demonstrations.making import make_scripted_set
from training.demonstrations.scripted import ScriptedPlay

Result = subprocess.CompletedProcess[str]
Program = Callable[..., Result]
SECONDS = 240
"""Until a program counts as stuck."""

# Two games from where control is gained, in this process, eight updates; an episode ends every 40 steps.
TINY = {
    "start": "bedroom",
    "max_steps": 40,
    "num_envs": 2,
    "workers": 1,
    "n_steps": 32,
    "batch_size": 32,
    "total_steps": 256,
    "save_interval": 64,
    "device": "cpu",
    "rewards": {"exploration_new_tile": 0.1, "battle_start_bonus": 1.0},
}


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs of this suite live."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config that trains in a few seconds."""
    path = tmp_path_factory.mktemp("configs") / "tiny.json"
    path.write_text(json.dumps(TINY))
    return path


@pytest.fixture(scope="session")
def short_set(tmp_path_factory: pytest.TempPathFactory) -> DemonstrationSet:
    """Demonstrations from outside the laboratory to the second town: three episodes of about 80 steps, with
    noise. Tests must not change the set."""
    out = tmp_path_factory.mktemp("demonstrations") / "short"
    return make_scripted_set(out, ScriptedPlay(3, until="second town", noise=0.2), lambda _: None)


def environment(runs: Path) -> dict[str, str]:
    """The environment of a program under test."""
    return {**os.environ, "POKERED_RUNS": str(runs), "COLUMNS": "110"}


@pytest.fixture(scope="session")
def fork_server(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forker]:
    """The process of which programs of training/ begin as a copy: one for all files, as it starts slowly."""
    made = Forker(tmp_path_factory.mktemp("said"), environment(runs))
    yield made
    made.close()


@pytest.fixture(scope="session")
def program(runs: Path, fork_server: Forker) -> Program:
    """program("train_ppo", *flags): a program of training/ run to its end as a process of its own.

    It begins as a copy of a process that has imported torch, unless it must be ``fresh``: started as a file,
    as users do. So do the trainers of a sweep or a search.
    """

    def run(name: str, *flags: Any, cwd: Path = ROOT, fresh: bool = False) -> Result:
        if not fresh:
            starts_others = name == "run_sweep" or (name == "train_ppo" and "--seeds" in flags)
            before = SWEEP_JOBS if starts_others else ""
            child = fork_server.start(
                *flags, program=name, before=before, cwd=cwd, environment=environment(runs)
            )
            status = child.wait(SECONDS)
            return subprocess.CompletedProcess([name, *flags], status, child.shown, child.errors)
        command = [sys.executable, str(ROOT / "training" / f"{name}.py"), *map(str, flags)]
        return subprocess.run(
            command,
            cwd=cwd,
            env=environment(runs),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def refused(program: Program, runs: Path) -> Callable[..., str]:
    """refused("train_ppo", *flags): the one line of a program that refuses them, without leaving a trace."""

    def run(name: str, *flags: Any) -> str:
        before = sorted(runs.rglob("*"))
        result = program(name, *flags)
        lines = result.stderr.splitlines()
        assert result.returncode == 2, result.stderr
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("error: ")
        assert result.stdout == ""
        assert sorted(runs.rglob("*")) == before
        return lines[0].removeprefix("error: ")

    return run


@pytest.fixture(scope="module")
def forker(fork_server: Forker) -> Iterator[Forker]:
    """Starts programs of training/ at once, as copies of a process that has imported what they need."""
    yield fork_server
    fork_server.end_all()


def _trained(program: Program, runs: Path, folder: Path, name: str, **settings: object) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**TINY, "start": "starter", "total_steps": 64, **settings}))
    done = program("train_ppo", "--config", path, "--run-name", name)
    assert done.returncode == 0, done.stderr
    return runs / name


@pytest.fixture(scope="session")
def plain_run(program: Program, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose policy remembers nothing; episodes take 40 steps."""
    return _trained(program, runs, tmp_path_factory.mktemp("configs"), "live-plain")


@pytest.fixture
def own_run(plain_run: Path, tmp_path: Path) -> Path:
    """A copy of ``plain_run`` to which a test may add files."""
    return copy_of(plain_run, tmp_path / "own" / plain_run.name)


def copy_of(run: Path, folder: Path) -> Path:
    """Copy a run without what others saved in it by hand, and return the copy."""
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("by_hand"))
    return folder


@pytest.fixture(scope="session")
def lstm_run(program: Program, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose policy has an LSTM."""
    return _trained(
        program, runs, tmp_path_factory.mktemp("configs"), "live-lstm", policy={"kind": "lstm", "width": 16}
    )
