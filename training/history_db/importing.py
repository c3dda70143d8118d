"""Import of run folders into the database, without the process that trained them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from training.history_db.curves import CurveWriter
from training.history_db.events import curves_from_events
from training.history_db.models import FIGURES, Evaluation, RunRecord, Tag
from training.history_db.run_facts import (
    is_held,
    number,
    read_json_lines,
    run_facts,
    state_of,
    tags_of,
    text,
    verdict_of,
    whole,
)
from training.history_db.store import Store


def run_id_of(connection: Connection, name: str) -> int | None:
    """Return the row id of the run called ``name``."""
    return connection.execute(select(RunRecord.id).where(RunRecord.name == name)).scalar()


def new_row(connection: Connection, facts: dict[str, Any]) -> int:
    """Add a row for a run, replacing an older run of that name. Returns its id."""
    connection.execute(delete(RunRecord).where(RunRecord.name == facts["name"]))
    return int(connection.execute(insert(RunRecord).values(facts).returning(RunRecord.id)).scalar_one())


def import_run(connection: Connection, folder: Path) -> int:
    """Recreate a run's row and curves from its folder. Returns the row's id."""
    facts = run_facts(folder) | state_of(folder)
    facts["updated"] = _last_write(folder)
    facts["ended"] = facts["ended"] or (facts["updated"] if facts["status"] != "running" else None)
    run_id = new_row(connection, facts)
    learned = _import_curves(connection, run_id, folder, facts)
    connection.execute(update(RunRecord).where(RunRecord.id == run_id).values(learned))
    refresh(connection, run_id, folder)
    return run_id


def _import_curves(
    connection: Connection, run_id: int, folder: Path, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Add a run's curves. Returns the columns derived from its newest points."""
    writer, steps, seconds = CurveWriter(run_id), facts["steps"], facts["seconds"]
    latest: dict[str, float] = {}
    for curves in curves_from_events(folder / "tensorboard", facts["manifest"]):
        writer.add(connection, curves)
        ends = {key: points[-1] for key, points in curves.items()}
        latest |= {key: float(end["value"]) for key, end in ends.items()}
        steps = max(steps, *(int(end["step"]) for end in ends.values()))
        seconds = max(seconds, *(float(end["seconds"]) for end in ends.values()))
    return {"steps": steps, "seconds": seconds, **figures(latest)}


def figures(latest: dict[str, float]) -> dict[str, float | None]:
    """Return the columns of ``FIGURES`` from the newest value of each key."""
    return {column: number(latest[key]) for column, key in FIGURES.items() if key in latest}


def refresh(connection: Connection, run_id: int, folder: Path) -> None:
    """Import the files that other programs may write at any time: health.json, eval.jsonl, tags.json."""
    connection.execute(update(RunRecord).where(RunRecord.id == run_id).values(verdict=verdict_of(folder)))
    connection.execute(delete(Evaluation).where(Evaluation.run_id == run_id))
    rows = [
        {
            "run_id": run_id,
            "number": index,
            "steps": whole(row.get("steps")),
            "policy": text(row.get("policy")),
            "return_mean": number(row.get("return_mean")),
            "data": {key: value for key, value in row.items() if key != "values"},
        }
        for index, row in enumerate(read_json_lines(folder / "eval.jsonl"))
    ]
    if rows:
        connection.execute(insert(Evaluation), rows)
    connection.execute(delete(Tag).where(Tag.run_id == run_id))
    tags = tags_of(folder)
    if tags:
        connection.execute(insert(Tag), [{"run_id": run_id, "tag": tag} for tag in tags])


def run_folders(root: Path) -> dict[str, Path]:
    """Return name -> folder of every run under ``root``; links, which may lead anywhere, are skipped."""
    if not root.is_dir():
        return {}
    found = [path.parent for path in sorted(root.glob("*/config.json"))]
    return {folder.name: folder for folder in found if not folder.is_symlink()}


def rebuild(store: Store, root: Path) -> int:
    """Recreate every row from the run folders; rows without a folder are deleted. Returns the number of runs.

    Runs in training keep the row that their process writes to.
    """
    folders = run_folders(root)
    with store.write() as connection:
        running = select(RunRecord.name).where(RunRecord.status == "running")
        rows = connection.execute(running).scalars()
        kept = {name for name in rows if name in folders and is_held(folders[name])}
        connection.execute(delete(RunRecord).where(RunRecord.name.not_in(kept)))
    for name in folders.keys() - kept:
        with store.write() as connection:
            import_run(connection, folders[name])
    return len(folders)


def _last_write(folder: Path) -> datetime | None:
    times = [path.stat().st_mtime for path in folder.glob("tensorboard/*") if path.is_file()]
    return datetime.fromtimestamp(max(times), UTC) if times else None
