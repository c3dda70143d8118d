"""Tests of tasks: the cartridge and the start state are read once, even if both are deleted afterwards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from envs.errors import UserError
from envs.game.catalog import EMBEDDED_ROM, identify
from envs.start_library import start_state
from envs.start_states.cache import CACHE_VARIABLE
from tests.training.conftest import TINY, environment
from tests.training.forked import Forker, wait_for
from training.config import TrainConfig, load_config
from training.environments.task import resolve_task

pytestmark = pytest.mark.slow

# Notes in the file NOTES each time this process opens the file ROM.
COUNT_READS = """
import os, sys
notes = os.open({notes!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def hook(event, arguments):  # os.open, which open() calls, has no mode
    if event == "open" and arguments[1] is not None and str(arguments[0]) == {rom!r}:
        os.write(notes, b"read ")
sys.addaudithook(hook)
"""


def test_a_run_outlives_its_cartridge_and_start_state(
    forker: Forker, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rom, cache, notes = tmp_path / "mine.gb", tmp_path / "cache", tmp_path / "notes"
    shutil.copy(EMBEDDED_ROM, rom)
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    start_state(identify(rom), str(TINY["start"]))  # making it plays the cartridge
    config = tmp_path / "task.json"
    config.write_text(json.dumps({**TINY, "rom": str(rom), "total_steps": 2048}))
    child = forker.start(
        *("--config", config, "--run-name", "outlives"),
        before=COUNT_READS.format(notes=str(notes), rom=str(rom)),
        environment=environment(runs),
    )
    wait_for(lambda: (runs / "outlives" / "checkpoints" / "64").is_dir() or bool(child.errors))
    rom.unlink()
    shutil.rmtree(cache)
    assert child.wait() == 0, child.errors
    summary = json.loads((runs / "outlives" / "summary.json").read_text())
    assert (summary["finished"], summary["start"]) == (True, "bedroom (scripted)")
    assert notes.read_text() == "read ", "the trainer reads the cartridge once"


def test_changed_settings_keep_the_start_state() -> None:
    task = resolve_task(TrainConfig(start="bedroom", ray_address="10.0.0.1:6400"))
    local = task.on_this_machine()
    assert (local.start, local.game) == (task.start, task.game)
    assert (local.config.ray_address, local.config.start) == (None, "bedroom")
    assert local.with_settings(max_steps=7).episodes.max_steps == 7
    assert task.episodes.max_steps == task.config.max_steps


def test_a_task_of_several_starts() -> None:
    task = resolve_task(TrainConfig(starts={"starter": 1.0, "bedroom": 3.0}))
    assert [(start.name, weight) for start, weight in task.starts] == [("starter", 1.0), ("bedroom", 3.0)]
    assert task.describe_start() == "starter (scripted) 25%, bedroom (scripted) 75%"
    facts: Any = task.facts()
    assert facts["start"]["name"] == "starter"
    assert [(start["name"], start["share"]) for start in facts["starts"]] == [
        ("starter", 0.25),
        ("bedroom", 0.75),
    ]
    assert all(len(start["sha256"]) == 64 for start in facts["starts"])
    assert task.with_settings(max_steps=7).starts == task.starts
    first = task.at_first_start()
    assert (first.config.start, first.config.starts, first.episodes.starts) == ("starter", None, ())
    assert [start.name for start, _ in first.starts] == ["starter"]
    assert first.at_first_start() == first
    assert "starts" not in first.facts()


def test_wrong_settings_are_found_before_anything_starts(tmp_path: Path) -> None:
    for settings, line in (({"start": "moon"}, '"moon"'), ({"goal": "badge 99"}, "badge 99")):
        with pytest.raises(UserError, match=line):
            resolve_task(load_config(None, settings))
    with pytest.raises(UserError, match=r"nowhere\.gb"):
        resolve_task(load_config(None, {"rom": str(tmp_path / "nowhere.gb")}))
