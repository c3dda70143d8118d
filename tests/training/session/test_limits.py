"""Limits of the machine around a run: one line, the right exit status, nothing half-written, nobody left."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from tests.training.conftest import TINY
from tests.training.forked import Child, Forker
from tests.training.session.test_faults import newest

pytestmark = pytest.mark.slow
GB = 1 << 30


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config that trains until it is stopped."""
    path = tmp_path_factory.mktemp("limits") / "endless.json"
    path.write_text(json.dumps({**TINY, "total_steps": 10_000_000, "step_timeout": 120}))
    return path


def one_line(child: Child, status: int) -> str:
    """Wait for the end of the program, which must have said only one line on stderr; return it."""
    assert child.wait() == status, child.errors
    lines = child.errors.splitlines()
    assert len(lines) == 1, child.errors
    assert not [p for p in psutil.process_iter(["ppid"]) if p.info["ppid"] == child.pid]
    return lines[0].removeprefix("error: ")


def test_memory_that_cannot_be_had_is_one_line(forker: Forker, endless: Path, runs: Path) -> None:
    """A rollout buffer of 40 GB, where a process may have 16."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({16 * GB}, {16 * GB}))"
    flags = ("--config", endless, "--run-name", "huge", "--n-steps", 1_000_000, "--ignore-memory")
    line = one_line(forker.start(*flags, before=limit), 2)
    assert line.startswith(
        "memory: there is not enough for the rollout buffer and the model (Unable to allocate"
    )
    assert line.endswith("use a smaller --num-envs or --n-steps")
    assert not (runs / "huge").exists()


def test_too_few_open_files_are_one_line(forker: Forker, endless: Path, runs: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))"
    flags = ("--config", endless, "--run-name", "few", "--num-envs", 64, "--workers", 64)
    line = one_line(forker.start(*flags, before=limit), 2)
    assert line.startswith("open files: 64 workers need ")
    assert "the limit is 100 (ulimit -n)" in line
    assert not (runs / "few").exists()


def test_workers_that_die_as_they_start_are_one_line(forker: Forker, runs: Path, tmp_path: Path) -> None:
    """A user's term kills the worker that loads it, but not the program that looks for mistakes in it."""
    (tmp_path / "deadly.py").write_text(
        "import multiprocessing, os, signal\n"
        "if multiprocessing.current_process().name != 'MainProcess':\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "class Bonus:\n    layer = 'dense'\n    def __call__(self, before, now, memory):\n        return 0\n"
    )
    config = tmp_path / "deadly.json"
    config.write_text(json.dumps({**TINY, "reward_terms": {f"{tmp_path / 'deadly.py'}:Bonus": 1.0}}))
    line = one_line(forker.start("--config", config, "--run-name", "deadly"), 1)
    assert line.startswith(
        "worker 0 died (exit code -9), and 3 processes in its place as well: the last died"
    )
    assert not (runs / "deadly").exists()


def test_memory_that_runs_out_in_training_is_one_line(forker: Forker, endless: Path, runs: Path) -> None:
    """torch is asked for more than any machine has, in the third update."""
    greedy = """
import torch
from training.ppo.chunked_ppo import ChunkedPPO
learn = ChunkedPPO.train
def train(self):
    if self._n_updates == 2:
        torch.empty(1 << 46)
    learn(self)
ChunkedPPO.train = train
"""
    line = one_line(forker.start("--config", endless, "--run-name", "greedy", before=greedy), 1)
    assert line.startswith("run greedy: memory ran out while training (")
    assert "go on with --resume greedy" in line
    assert newest(runs / "greedy") == 128
