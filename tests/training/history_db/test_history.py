"""The history of runs: recording, rebuilding, lost runs, bounded curves, and wrong databases."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import inspect, select, text

from tests.paths import ROOT
from tests.training.conftest import TINY, Program, environment
from tests.training.forked import Forker, wait_for
from training.event_logs.curves import read_curve
from training.history_db import models
from training.history_db.curves import LIMIT, POINT, CurveWriter, Points
from training.history_db.importing import new_row, rebuild, run_id_of
from training.history_db.models import Base, CurveRecord, RunRecord
from training.history_db.queries import Filter, evaluations_of, find_run, list_runs, points_of
from training.history_db.store import HistoryError, Store
from training.history_db.sync import Sync

KEY = "train/approx_kl"


@pytest.fixture(scope="module")
def trained(program: Program, tiny: Path, runs: Path) -> Path:
    """A finished run."""
    result = program("train_ppo", "--config", tiny, "--run-name", "kept", "--seed", 3)
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stderr
    return runs / "kept"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty history."""
    opened = Store(tmp_path / "history.sqlite", wait_s=0.1)
    yield opened
    opened.close()


def row_of(store: Store, name: str) -> Any:
    with store.read() as connection:
        return find_run(connection, name)


def curves_of(store: Store, name: str) -> dict[str, Points]:
    with store.read() as connection:
        run_id = run_id_of(connection, name)
        keys = connection.execute(select(CurveRecord.key).where(CurveRecord.run_id == run_id)).scalars().all()
        return {key: points for (_, key), points in points_of(connection, [run_id or 0], keys).items()}


def a_run(store: Store, **facts: Any) -> int:
    values = {
        "name": "some", "status": "running", "family": "f", "description": "", "config_name": "c",
        "config": {}, "manifest": {}, "milestones": {}, "steps": 0, "wanted_steps": 100, "seconds": 0.0,
    }  # fmt: skip
    with store.write() as connection:
        return new_row(connection, values | facts)


def points_up_to(last: int) -> Points:
    points = np.zeros(last, POINT)
    points["step"] = points["seconds"] = np.arange(1, last + 1)
    points["value"] = np.random.default_rng(0).normal(size=last)
    return points


def test_training_writes_its_row_and_its_curves(trained: Path) -> None:
    store = Store(trained.parent / "history.sqlite")
    row, curves = row_of(store, "kept"), curves_of(store, "kept")
    store.close()
    assert (row.status, row.steps, row.wanted_steps, row.seed) == ("finished", 256, 256, 3)
    assert row.config == json.loads((trained / "config.json").read_text())
    assert row.manifest["rom_sha1"] == json.loads((trained / "manifest.json").read_text())["rom_sha1"]
    assert row.verdict == json.loads((trained / "health.json").read_text())["verdict"]
    assert row.started < row.ended
    assert 0 < row.seconds < (row.ended - row.started).total_seconds() + 1
    record = json.loads((trained / "history.json").read_text())
    assert 0 < record["writing_seconds"] < record["session_seconds"]
    for key in (KEY, "train/episode_return_mean", "perf/env_steps_per_s", "reward_components/battle"):
        steps, values = read_curve(trained, key)
        numbers = curves[key][np.isfinite(curves[key]["value"])]  # no episode has ended at the first dump
        assert numbers["step"].tolist() == steps.tolist(), key
        assert numbers["value"] == pytest.approx(values), key
        assert (np.diff(curves[key]["seconds"]) > 0).all()
    assert row.approx_kl == pytest.approx(float(curves[KEY]["value"][-1]))


def test_a_rebuild_restores_what_training_wrote(trained: Path, tmp_path: Path, program: Program) -> None:
    written = Store(trained.parent / "history.sqlite")
    fresh = tmp_path / "again.sqlite"
    result = program("history", "--db", fresh, "--rebuild")
    assert result.returncode == 0, result.stderr
    rebuilt = Store(fresh)
    before, after = row_of(written, "kept")._mapping, row_of(rebuilt, "kept")._mapping
    own = {"id", "host", "pid", "pid_started", "updated", "seconds", "ended"}
    for name in before.keys() - own:
        value = before[name]
        assert after[name] == (pytest.approx(value) if isinstance(value, float) else value), name
    assert abs((after["ended"] - before["ended"]).total_seconds()) < 1
    curves = curves_of(rebuilt, "kept")
    for key, points in curves_of(written, "kept").items():
        assert curves[key]["step"].tolist() == points["step"].tolist(), key
        assert np.array_equal(curves[key]["value"], points["value"], equal_nan=True), key
    written.close()
    rebuilt.close()


@pytest.mark.slow
def test_a_killed_run_is_lost_until_it_is_resumed(
    tiny: Path, runs: Path, program: Program, forker: Forker
) -> None:
    child = forker.start("--config", tiny, "--run-name", "lost", "--total-steps", 1024)
    wait_for(lambda: (runs / "lost" / "checkpoints" / "128").is_dir() or child.ended)
    assert not child.ended, child.errors
    store = Store(runs / "history.sqlite")
    Sync(store, runs).look()
    assert row_of(store, "lost").status == "running"
    child.kill(signal.SIGKILL)
    child.wait()
    Sync(store, runs).look()
    assert row_of(store, "lost").status == "lost"

    result = program("train_ppo", "--resume", "lost")
    assert result.returncode == 0, result.stderr
    row = row_of(store, "lost")
    assert (row.status, row.steps) == ("finished", 1024)
    for key, points in curves_of(store, "lost").items():
        assert (np.diff(points["step"]) > 0).all(), key
        assert (np.diff(points["seconds"]) >= 0).all(), key
    assert curves_of(store, "lost")[KEY]["step"].tolist() == list(range(64, 1025, 64))
    store.close()


@pytest.mark.slow
def test_a_locked_database_costs_one_warning_and_does_not_end_the_run(
    tiny: Path, tmp_path: Path, forker: Forker
) -> None:
    root = tmp_path / "runs"
    Store(root / "history.sqlite").close()
    holder = sqlite3.connect(root / "history.sqlite")
    holder.execute("BEGIN IMMEDIATE")
    child = forker.start("--config", tiny, "--run-name", "unlisted", environment=environment(root))
    status = child.wait()
    holder.close()
    assert status == 0, child.errors
    warnings = [line for line in child.errors.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert "locked" in warnings[0]
    assert "--rebuild" in warnings[0]
    store = Store(root / "history.sqlite")
    assert row_of(store, "unlisted") is None
    assert rebuild(store, root) == 1
    assert row_of(store, "unlisted").status == "finished"
    store.close()


def test_curves_are_bounded_and_do_not_depend_on_the_pieces(store: Store) -> None:
    points = points_up_to(10_001)
    whole, pieces = a_run(store, name="whole"), a_run(store, name="pieces")
    with store.write() as connection:
        CurveWriter(whole).add(connection, {KEY: points})
        writer, sizes = CurveWriter(pieces), iter(np.random.default_rng(1).integers(1, 400, size=1000))
        rest = points
        while len(rest):
            size = int(next(sizes))
            writer.add(connection, {KEY: rest[:size]})
            rest = rest[size:]
    one, other = curves_of(store, "whole")[KEY], curves_of(store, "pieces")[KEY]
    for kept in (one, other):
        assert LIMIT // 2 <= len(kept) <= LIMIT
        assert points["step"][-1] - kept["step"][-1] < 8
        assert kept["value"].mean() == pytest.approx(points["value"][: kept["step"][-1]].mean(), abs=1e-3)
    assert len(other) == pytest.approx(len(one), abs=2)


def test_a_continued_curve_has_no_duplicate_points(store: Store) -> None:
    run_id, points = a_run(store), points_up_to(300)
    for part in (points[:200], points[150:], points[:10]):  # a new writer knows the existing points
        with store.write() as connection:
            CurveWriter(run_id).add(connection, {KEY: part})
    assert curves_of(store, "some")[KEY].tolist() == points.tolist()


def test_nan_values_stay_nan_when_points_merge(store: Store) -> None:
    run_id, points = a_run(store), points_up_to(LIMIT + 2)
    points["value"] = 1.0
    points["value"][:2] = np.nan
    points["value"][2] = np.nan
    with store.write() as connection:
        CurveWriter(run_id).add(connection, {KEY: points})
    kept = curves_of(store, "some")[KEY]
    assert np.isnan(kept["value"][0])
    assert kept["value"][1] == 1.0  # one of two is a number


def test_damaged_folders_are_listed_with_what_can_be_read(
    trained: Path, tmp_path: Path, store: Store
) -> None:
    root = tmp_path / "runs"
    bad, torn = root / "bad", root / "torn"
    shutil.copytree(trained, torn)
    bad.mkdir()
    (bad / "config.json").write_bytes(b"\xff\x00 no JSON")
    (bad / "manifest.json").write_text('{"sessions": 3, "training_steps": "many", "config_source": []}')
    (bad / "health.json").write_text('["not", "an", "object"]')
    (torn / "eval.jsonl").write_text('{"steps": 64, "return_mean": 2.5}\n[]\n{"steps": 12')
    (torn / "tags.json").write_text('{"tags": ["  two  words ", 3, "", "two words"]}')
    events = next((torn / "tensorboard").iterdir())
    events.write_bytes(events.read_bytes()[:-40] + b"garbage" * 9)
    sync = Sync(store, root)
    sync.look()
    assert row_of(store, "bad").config == {}
    with store.read() as connection:
        listed = list_runs(connection, Filter())
        row = find_run(connection, "torn")
        assert row is not None
        assert [one["steps"] for one in evaluations_of(connection, row.id)] == [64]
    assert listed.total == 2
    assert listed.tags == {row.id: ["two words"]}
    assert len(curves_of(store, "torn")[KEY]) >= 3
    shutil.rmtree(torn)  # the row outlives the folder
    sync.look()
    assert sync.present == {"bad"}
    assert row_of(store, "torn").steps == 256


def test_a_new_run_replaces_a_deleted_one_of_the_same_name(store: Store) -> None:
    old = a_run(store, name="again")
    with store.write() as connection:
        CurveWriter(old).add(connection, {KEY: points_up_to(9)})
    a_run(store, name="again")
    assert curves_of(store, "again") == {}
    with store.read() as connection:
        for table in ("run", "curve", "chunk"):
            count = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()
            assert count == (1 if table == "run" else 0), table


def test_a_family_differs_only_in_seed_and_irrelevant_settings(
    trained: Path, tmp_path: Path, store: Store
) -> None:
    changes = {
        "a": {"seed": 1},
        "b": {"seed": 2},
        "c": {"gamma": 0.5},
        "d": {"save_interval": 7, "preset": None},
    }
    for name, change in changes.items():
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({**TINY, **change}))
    Sync(store, tmp_path / "runs").look()
    families = [row_of(store, name).family for name in changes]
    assert families[0] == families[1] == families[3] != families[2]


def test_migrations_create_the_tables_of_the_models(store: Store) -> None:
    found = inspect(store.engine)
    assert set(found.get_table_names()) == set(Base.metadata.tables)
    for table in Base.metadata.tables.values():
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: bool(column.nullable) for column in table.columns}, table.name
        indexes = {index["name"] for index in found.get_indexes(table.name)}
        assert indexes == {index.name for index in table.indexes}, table.name
    assert set(models.FIGURES) <= {column.name for column in RunRecord.__table__.columns}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda path: path.write_bytes(b"this is not a database" * 100),
            "damaged or not a history database",
        ),
        (lambda path: sqlite3.connect(path).execute("PRAGMA user_version = 99").connection.close(), "later"),
        (lambda path: path.mkdir(), "is a folder, must be a file"),
    ],
)
def test_an_unusable_database_is_refused_in_one_line(
    make: Any, message: str, tmp_path: Path, program: Program
) -> None:
    path = tmp_path / "mine.sqlite"
    make(path)
    result = program("history", "--db", path)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr
    assert "mine.sqlite" in result.stderr


def test_a_locked_database_is_reported_in_one_line(store: Store) -> None:
    with store.write():
        other = sqlite3.connect(store.path, timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
        with pytest.raises(HistoryError, match="is locked by another program"):
            Store(store.path, wait_s=0.1)


def test_search_takes_wildcards_literally(store: Store) -> None:
    a_run(store, name="plain", description="100 % sure")
    a_run(store, name="other_one", description="50 sure")
    with store.read() as connection:
        assert [row.name for row in list_runs(connection, Filter(text="%")).rows] == ["plain"]
        assert [row.name for row in list_runs(connection, Filter(text="R_O")).rows] == ["other_one"]
        assert list_runs(connection, Filter(text="sure other")).total == 1
        assert list_runs(connection, Filter(status="finished")).total == 0
        rows = list_runs(connection, Filter(sort="name; DROP TABLE run", descending=False)).rows
        assert [row.name for row in rows] == ["other_one", "plain"]


def test_the_page_needs_no_torch() -> None:
    """Importing torch would add seconds to the start and 200 MB of memory."""
    code = "import sys, training.web.serving; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
