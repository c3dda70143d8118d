"""Runs of a policy without and with memory, short enough for the tests of live play."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.conftest import TINY, Program

MEMORY = {"kind": "lstm", "width": 16}


def _trained(program: Program, runs: Path, folder: Path, name: str, **settings: object) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**TINY, "start": "starter", "total_steps": 64, **settings}))
    done = program("train_ppo", "--config", path, "--run-name", name)
    assert done.returncode == 0, done.stderr
    return runs / name


@pytest.fixture(scope="package")
def plain_run(program: Program, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose policy remembers nothing; episodes take 40 steps."""
    return _trained(program, runs, tmp_path_factory.mktemp("configs"), "live-plain")


@pytest.fixture(scope="package")
def lstm_run(program: Program, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose policy has an LSTM."""
    return _trained(program, runs, tmp_path_factory.mktemp("configs"), "live-lstm", policy=MEMORY)
