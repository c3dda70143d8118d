"""A run's curves from its event files: in pieces, and without the time between sessions."""

from __future__ import annotations

import math
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.event_logs.files import FIRST, SECOND, event, official, write_file
from training.history_db import events
from training.history_db.curves import Points
from training.history_db.events import TrainingClock, curves_from_events

KEY, OTHER = "train/approx_kl", "train/loss"
NOON = 1_700_000_000.0


def manifest(*begins: float) -> dict[str, Any]:
    return {"sessions": [{"started": datetime.fromtimestamp(begin, UTC).isoformat()} for begin in begins]}


def joined(pieces: list[dict[str, Points]]) -> dict[str, Points]:
    return {key: np.concatenate([piece[key] for piece in pieces if key in piece]) for key in pieces[0]}


def test_pieces_add_up_to_what_tensorboard_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [math.nan if step % 7 == 0 else step / 3 for step in range(100)]
    rows = [event(step, {KEY: value, OTHER: step}, NOON + step) for step, value in enumerate(values)]
    write_file(tmp_path / FIRST, rows)
    (whole,) = curves_from_events(tmp_path, manifest(NOON))
    monkeypatch.setattr(events, "PIECE", 30)
    pieces = list(curves_from_events(tmp_path, manifest(NOON)))
    assert [len(piece[KEY]) for piece in pieces] == [15, 15, 15, 15, 15, 15, 10]
    for key, points in joined(pieces).items():
        assert points.tobytes() == whole[key].tobytes(), key
        assert points["step"].tolist() == list(range(100))
        found = np.array([value for _, value in official(tmp_path, key)])
        assert np.array_equal(points["value"], found.astype(np.float32), equal_nan=True)
        assert points["seconds"].tolist() == list(range(100))


def test_no_files_give_no_pieces(tmp_path: Path) -> None:
    assert list(curves_from_events(tmp_path / "nowhere", {})) == []
    write_file(tmp_path / FIRST, [])
    assert list(curves_from_events(tmp_path, {})) == []


def test_a_step_logged_again_replaces_what_followed_it(tmp_path: Path) -> None:
    write_file(tmp_path / FIRST, [event(step, {KEY: step}, NOON + step) for step in range(1, 6)])
    write_file(tmp_path / SECOND, [event(step, {KEY: step + 0.5}, NOON + 100 + step) for step in range(4, 8)])
    (curves,) = curves_from_events(tmp_path, manifest(NOON, NOON + 100))
    assert curves[KEY]["step"].tolist() == list(range(1, 8))
    assert curves[KEY]["value"].tolist() == [1, 2, 3, 4.5, 5.5, 6.5, 7.5]
    assert (np.diff(curves[KEY]["seconds"]) > 0).all()


@pytest.mark.parametrize(
    ("begins", "walls", "spent"),
    [
        ([], [10, 12, 15], [0, 2, 5]),
        ([8], [10, 12, 15], [2, 4, 7]),
        ([8, 100], [10, 20, 103, 110], [2, 12, 15, 22]),
        ([8, 50, 100], [10, 20, 103], [2, 12, 15]),  # a session that logged nothing
        ([8, 500], [10, 20], [2, 12]),  # a session that has not logged yet
        ([100, 8], [10, 20, 103], [2, 12, 15]),
        ([8], [10, 9, 12], [2, 1, 4]),  # the clock was set back
        ([8, 100], [10, 103, 90, 104], [2, 5, 2, 6]),
    ],
)
def test_time_between_sessions_does_not_count(
    begins: list[float], walls: list[float], spent: list[float]
) -> None:
    clock = TrainingClock(manifest(*(NOON + begin for begin in begins)))
    assert [clock.seconds(NOON + wall) for wall in walls] == pytest.approx(spent)


def test_with_a_malformed_manifest_the_clock_starts_at_the_first_point() -> None:
    for strange in ({}, {"sessions": 3}, {"sessions": [{"started": "soon"}, {"started": None}]}):
        assert TrainingClock(strange).seconds(NOON) == 0.0


def test_memory_does_not_grow_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PIECE", 500)
    most = []
    for count in (2_000, 20_000):
        write_file(tmp_path / FIRST, [event(step, {KEY: step}, NOON + step) for step in range(count)])
        tracemalloc.start()
        assert sum(len(piece[KEY]) for piece in curves_from_events(tmp_path, {})) == count
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < most[0] + 20_000
