"""Exact resume with a reverse model, in the loss and as a learned reward."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.forked import Forker
from tests.training.session.test_resume import EXACT, curves, episodes, same_in_everything
from tests.training.session.test_resume_intrinsic import same
from training.checkpoints.reading import read_checkpoint

pytestmark = pytest.mark.slow

CONFIG = {
    **EXACT,
    "eval_every_steps": 0,
    "total_steps": 192,
    "reverse_model": {"coefficient": 0.5, "batch_size": 16},
    "intrinsic": {"kind": "reverse", "coefficient": 0.1},
}


def test_stopped_and_resumed_is_the_same_run(forker: Forker, tmp_path: Path, runs: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    whole, parted = runs / "reverse-whole", runs / "reverse-parted"
    forker.run("--config", path, "--run-name", whole.name)
    forker.run("--config", path, "--run-name", parted.name, "--stop-after", 100)
    forker.run("--resume", parted.name, "--workers", 2)
    same_in_everything(whole, parted)
    assert episodes(whole) == episodes(parted)
    states = [read_checkpoint(run / "checkpoints" / "final").state for run in (whole, parted)]
    kept = [state["callbacks"]["reverse_model"] for state in states if state is not None]
    assert same(*kept) and kept[0]["network"] and kept[0]["optimizer"]
    assert {"reverse_model/error", "intrinsic/reward_mean"} <= curves(whole).keys()
