"""Tests of results of the memory task: stored once, refused when they belong to other settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envs.errors import UserError
from training.config.loading import load_config
from training.memory_task.results import read_outcome, result_file, results_table, write_outcome
from training.memory_task.trials import Outcome, Trial

TRIAL = Trial(Path("mine.json"), load_config(None, {"start": "bedroom"}), 3)
OUTCOME = Outcome(steps=1000, episodes=200, right=150)


def test_an_outcome_is_read_as_it_was_stored(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert read_outcome(folder, TRIAL, 200) is None
    write_outcome(folder, TRIAL, OUTCOME)
    assert [file.name for file in folder.iterdir()] == ["mine-seed-3.json"]
    assert read_outcome(folder, TRIAL, 200) == OUTCOME


def test_an_outcome_of_other_settings_is_refused(tmp_path: Path) -> None:
    write_outcome(tmp_path, TRIAL, OUTCOME)
    other = Trial(TRIAL.file, load_config(None, {"start": "bedroom", "gamma": 0.5}), 3)
    with pytest.raises(UserError, match=r"mine-seed-3\.json: the result of other settings \(gamma: "):
        read_outcome(tmp_path, other, 200)
    with pytest.raises(UserError, match="episodes: 200 -> 100"):
        read_outcome(tmp_path, TRIAL, 100)


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    result_file(tmp_path, TRIAL).write_text(text)
    with pytest.raises(UserError, match=r"mine-seed-3\.json: not the result of a trial"):
        read_outcome(tmp_path, TRIAL, 200)


@pytest.mark.parametrize("wrong", [-1, True, "many", None])
def test_numbers_are_checked(tmp_path: Path, wrong: object) -> None:
    write_outcome(tmp_path, TRIAL, OUTCOME)
    path = result_file(tmp_path, TRIAL)
    path.write_text(json.dumps({**json.loads(path.read_text()), "right": wrong}))
    with pytest.raises(UserError, match="right is"):
        read_outcome(tmp_path, TRIAL, 200)


def test_the_table_has_rates_over_seeds_with_intervals() -> None:
    found = {"lstm": [Outcome(1000, 200, 200), Outcome(1000, 200, 190)], "tiles": [Outcome(1000, 200, 100)]}
    lines = [line.split() for line in results_table(found).splitlines()]
    (lstm,), (tiles,) = ([line for line in lines if name in line] for name in found)
    assert "97.5%" in lstm and "95%" in lstm and "100%," in lstm

    assert tiles[4] == "50.0%" and tiles[5:8] == ["43.1%", "to", "56.9%"]
