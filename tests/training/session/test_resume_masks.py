"""Runs with masked actions, as users start them: resumed exactly, evaluated, replayed, and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Program
from tests.training.forked import Forker
from tests.training.session.test_resume import EXACT, episodes, same_in_everything

pytestmark = pytest.mark.slow

POLICIES: dict[str, dict[str, Any] | None] = {"tiles": None, "lstm": {"kind": "lstm", "width": 16}}
MASKED = {**EXACT, "total_steps": 192, "algorithm": "MaskablePPO", "mask": {"b_outside_battle": True}}
KINDS = {"mask_start", "mask_wall", "mask_b_outside_battle"}


@pytest.fixture(scope="module", params=POLICIES)
def whole(
    request: pytest.FixtureRequest, forker: Forker, runs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A masked run that nothing stopped, of each policy."""
    config = tmp_path_factory.mktemp(request.param) / "config.json"
    config.write_text(json.dumps({**MASKED, "policy": POLICIES[request.param]}))
    name = f"masked-{request.param}"
    child = forker.run("--config", config, "--run-name", name)
    assert "mask_b_outside_battle" in child.shown, "the closing table counts masks"
    forker.run("--config", config, "--run-name", f"{name}-parted", "--stop-after", 100)
    return runs / name


def test_stopped_and_resumed_is_the_same_run(whole: Path, forker: Forker) -> None:
    """The stop is in the middle of episodes, so masks continue too. Counts of interventions are compared."""
    parted = whole.with_name(f"{whole.name}-parted")
    forker.run("--resume", parted.name, "--workers", 2)
    same_in_everything(whole, parted)
    assert episodes(whole) == episodes(parted)


def test_masks_are_counted_in_every_report(whole: Path, program: Program, tmp_path: Path) -> None:
    assert set(json.loads((whole / "manifest.json").read_text())["interventions"]) == KINDS
    flags = (whole.name, "--episodes", 2, "--seeds", 1)
    results = [program("evaluate", *flags) for _ in range(2)]
    assert [result.returncode for result in results] == [0, 0], results[0].stderr
    assert results[0].stdout == results[1].stdout
    assert results[0].stdout.count("mask_b_outside_battle") == 2, "of the policy and of random buttons"
    played = program("replay", whole.name, "--play", "--out", tmp_path / "new.mp4")
    assert played.returncode == 0, played.stderr
