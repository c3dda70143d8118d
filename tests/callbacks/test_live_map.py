"""Tests of the file with the environments' places: what it holds, how often it is written, its bounds."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from callbacks.exploration import Visits
from callbacks.live_map import APART, FILE_NAME, MOST_HEAT, MOST_PLACES, TRAIL, LiveMap, Place
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


def test_the_heat_is_that_of_all_samples_so_far(learn: Learn, tmp_path: Path) -> None:
    visits = Visits()
    for _ in range(3):
        visits.add(7, 2, 5)
    learn([LiveMap(tmp_path, lambda: visits.counts, every_s=0)])
    assert json.loads((tmp_path / FILE_NAME).read_text())["heat"] == [[7, 5, 2, 3]]


def test_only_the_busiest_places_are_written(tmp_path: Path) -> None:
    counts: dict[Place, int] = {(n // 200, 0, n % 200): n + 1 for n in range(2 * MOST_HEAT)}
    LiveMap(tmp_path, lambda: counts).write()
    heat = json.loads((tmp_path / FILE_NAME).read_text())["heat"]
    assert {count for *_, count in heat} == set(range(MOST_HEAT + 1, 2 * MOST_HEAT + 1))


def test_a_write_that_takes_long_puts_the_next_one_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = LiveMap(tmp_path, every_s=0)
    callback.follow(1)
    callback.locals = {"infos": [{"agent_stats": {"map_id": 1, "x": 2, "y": 3, "battle": 0}}]}
    written: list[float] = []

    def slow() -> None:
        written.append(time.monotonic())
        begun = time.thread_time()
        while time.thread_time() - begun < 0.001:
            pass

    monkeypatch.setattr(callback, "write", slow)
    while len(written) < 3:
        callback._on_step()
    assert min(later - earlier for earlier, later in pairwise(written)) > 0.001 * APART


def test_it_says_what_it_costs(learn: Learn, tmp_path: Path) -> None:
    learn([LiveMap(tmp_path, every_s=0)])
    content = json.loads((tmp_path / FILE_NAME).read_text())
    assert 0 < content["spent_seconds"] <= content["session_seconds"] + 0.1


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
