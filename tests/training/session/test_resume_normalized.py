"""Exact resume with everything normalised: statistics are part of a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.forked import Forker
from tests.training.session.test_resume import EXACT, curves, same_in_everything
from training.checkpoints.writing import read_checkpoint

pytestmark = pytest.mark.slow

NORMALIZED = {
    **EXACT,
    "normalize_value": True,
    "normalize_input": True,
    "reward_shift": 0.01,
    "reward_scale": 100,
    "clip_reward": 50,
    "network": {"separate": True, "activation": "elu", "init": "default"},
}


def test_stopped_and_resumed_is_the_same_run(forker: Forker, runs: Path, tmp_path: Path) -> None:
    config = tmp_path / "normalized.json"
    config.write_text(json.dumps(NORMALIZED))
    forker.run("--config", config, "--run-name", "normalized")
    forker.run("--config", config, "--run-name", "normalized-parted", "--stop-after", 100)
    forker.run("--resume", "normalized-parted")
    whole, parted = runs / "normalized", runs / "normalized-parted"
    same_in_everything(whole, parted)
    stored = read_checkpoint(parted / "checkpoints" / "final").policy
    assert stored["value_net.returns.count"].item() == NORMALIZED["total_steps"]
    encoders = ("features_extractor", "vf_features_extractor")
    assert {stored[f"{name}.encoders.numbers.scaled.moments.count"].item() for name in encoders} == {
        NORMALIZED["total_steps"]
    }
    assert len(curves(parted)["train/value_std"]) == NORMALIZED["total_steps"] / 64
