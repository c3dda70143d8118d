"""Tests of the file with the environments' places: what it holds, how often it is written, its bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callbacks.live_map import FILE_NAME, MOST_PLACES, TRAIL, LiveMap
from tests.callbacks.conftest import Learn


def test_a_run_writes_where_its_environments_are(learn: Learn, tmp_path: Path) -> None:
    learn([LiveMap(tmp_path, every_s=0)])
    content = json.loads((tmp_path / FILE_NAME).read_text())
    assert content["steps"] > 0
    found = content["environments"]
    assert [one["env"] for one in found] == list(range(len(found)))
    for one in found:
        assert 0 < len(one["trail"]) < TRAIL
        assert all(len(place) == 3 for place in one["trail"])
        assert isinstance(one["battle"], bool)
        assert {"map", "x", "y"} <= set(one)


def test_it_writes_every_two_seconds_at_most(
    learn: Learn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(LiveMap, "write", lambda self: written.append(self.num_timesteps))
    learn([LiveMap(tmp_path, every_s=3600)])
    assert len(written) == 2, "at the first sample and at the end"


def test_the_file_of_many_environments_is_bounded(tmp_path: Path) -> None:
    callback = LiveMap(tmp_path)
    number = 2000
    callback.follow(number)
    callback.every_s = float("inf")
    sample = {"map_id": 255, "x": 199, "y": 199, "battle": 1}
    callback.locals = {"infos": [{"agent_stats": sample}] * number}
    for _ in range(20):
        callback._on_step()
    callback.write()
    found = json.loads((tmp_path / FILE_NAME).read_text())["environments"]
    assert sum(1 + len(one["trail"]) for one in found) <= MOST_PLACES
    assert (tmp_path / FILE_NAME).stat().st_size < 250_000


def test_a_disk_that_refuses_does_not_end_the_run(
    learn: Learn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    learn([LiveMap(tmp_path, every_s=0)])
    assert "cannot be written" in capsys.readouterr().err


def test_a_removed_folder_does_not_come_back(learn: Learn, tmp_path: Path) -> None:
    learn([LiveMap(tmp_path / "removed", every_s=0)])
    assert not (tmp_path / "removed").exists()
