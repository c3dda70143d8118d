"""Tests of the list's view model: groups, columns without a value, sparklines."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from training.history_db.curves import as_points
from training.web.listing import SPARK_HEIGHT, SPARK_WIDTH, empty_columns, grouped, polyline


def row(name: str, sweep: str | None = None, **values: Any) -> Any:
    figures = dict.fromkeys(
        ("agent_id", "sweep_variant", "verdict", "episode_return", "battles_won", "badges", "approx_kl",
         "clip_fraction", "explained_variance", "steps_per_s")
    )  # fmt: skip
    return SimpleNamespace(name=name, sweep=sweep, **{**figures, **values})


def test_sweeps_and_courses_are_grouped_where_their_first_run_is(tmp_path: Path) -> None:
    (tmp_path / "school").mkdir()
    (tmp_path / "school" / "curriculum.json").write_text("{}")
    rows = [
        row("single"), row("b", "lr", episode_return=2.0), row("school-2-caves"), row("no-2-course"),
        row("a", "lr", episode_return=float("nan")), row("school-1-towns", episode_return=-1.0), row("last"),
    ]  # fmt: skip
    found = grouped(rows, tmp_path)
    assert [(one.kind, one.name, [run.name for run in one.rows]) for one in found] == [
        ("", "", ["single"]),
        ("sweep", "lr", ["b", "a"]),
        ("course", "school", ["school-2-caves", "school-1-towns"]),
        ("", "", ["no-2-course", "last"]),
    ]
    assert [one.best for one in found] == [None, 2.0, -1.0, None]


def test_a_column_without_any_value_is_empty() -> None:
    rows = [row("a", badges=0.0, approx_kl=float("nan")), row("b", agent_id="", verdict="healthy")]
    assert empty_columns(rows) == {
        "agent", "variant", "episode_return", "battles_won", "approx_kl", "clip_fraction",
        "explained_variance", "steps_per_s",
    }  # fmt: skip


@pytest.mark.parametrize("count", [2, 40, 41, 4096])
def test_a_sparkline_fits_its_picture(count: int) -> None:
    values = np.sin(np.arange(count) / 7)
    drawn = polyline(as_points([(step * 10, 0.0, float(value)) for step, value in enumerate(values)]))
    spots = np.array([[float(part) for part in spot.split(",")] for spot in drawn.split()])
    assert 2 <= len(spots) <= 41
    assert spots.min() >= 0
    assert spots[:, 0].max() <= SPARK_WIDTH
    assert spots[:, 1].max() <= SPARK_HEIGHT
    assert (np.diff(spots[:, 0]) > 0).all()


def test_points_without_a_value_are_left_out_of_a_sparkline() -> None:
    assert polyline(as_points([(0, 0.0, float("nan")), (1, 0.0, 2.0)])) == ""
    level = polyline(as_points([(5, 0.0, 3.0), (6, 0.0, 3.0)]))
    assert len({spot.split(",")[1] for spot in level.split()}) == 1
