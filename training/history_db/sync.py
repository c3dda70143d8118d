"""Synchronisation of the database with the run folders: new, changed and lost runs."""

from __future__ import annotations

import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import psutil
from sqlalchemy import select, update

from training.history_db.importing import import_run, refresh, run_folders, run_id_of
from training.history_db.models import RunRecord
from training.history_db.run_facts import TAGS, is_held
from training.history_db.store import Store

WATCHED = ("eval.jsonl", TAGS, "health.json")
SILENT = timedelta(minutes=15)  # after which a run on another machine counts as lost
Stamp = tuple[int, ...]


class ProcessFacts(NamedTuple):
    """A row's facts about the process that trains its run."""

    name: str
    status: str
    pid: int | None
    pid_started: float | None
    host: str | None
    updated: datetime | None


class Sync:
    """Updates the database from the run folders, once per ``look()``.

    Rows whose folder is gone are kept. ``present`` holds the names of runs that have a folder.
    """

    def __init__(self, store: Store, root: Path) -> None:
        self.store, self.root = store, root
        self.present: frozenset[str] = frozenset()
        self._seen: dict[str, Stamp] = {}

    def look(self) -> None:
        """Import new runs, refresh changed ones, mark lost ones. Raises HistoryError."""
        folders = run_folders(self.root)
        with self.store.read() as connection:
            columns = (
                RunRecord.name,
                RunRecord.status,
                RunRecord.pid,
                RunRecord.pid_started,
                RunRecord.host,
                RunRecord.updated,
            )
            rows = {row.name: ProcessFacts(*row) for row in connection.execute(select(*columns))}
        for name, folder in folders.items():
            row = rows.get(name)
            if row is None:
                self._import(name, folder)
            else:
                self._refresh(name, folder)
                if row.status == "running" and not is_alive(row, folder):
                    self._lost(row, folder)
        for row in rows.values():
            if row.status == "running" and row.name not in folders:
                self._lost(row, self.root / row.name)
        self.present = frozenset(folders)
        self._seen = {name: stamp for name, stamp in self._seen.items() if name in folders}

    def _import(self, name: str, folder: Path) -> None:
        if is_held(folder):
            return  # its own process is about to write the row
        with self.store.write() as connection:
            if run_id_of(connection, name) is None:
                import_run(connection, folder)
        self._seen[name] = stamp_of(folder)

    def _refresh(self, name: str, folder: Path) -> None:
        stamp = stamp_of(folder)
        if self._seen.get(name) == stamp:
            return
        with self.store.write() as connection:
            if (run_id := run_id_of(connection, name)) is not None:
                refresh(connection, run_id, folder)
        self._seen[name] = stamp

    def _lost(self, row: ProcessFacts, folder: Path) -> None:
        same = (RunRecord.name == row.name, RunRecord.status == "running", RunRecord.pid == row.pid)
        with self.store.write() as connection:
            run_id = connection.execute(select(RunRecord.id).where(*same)).scalar()
            if run_id is None:
                return  # its process has recorded its end in the meantime
            if folder.is_dir():
                import_run(connection, folder)  # with its last points and, if recorded, how it ended
            else:
                values = {"status": "lost", "ended": row.updated}
                connection.execute(update(RunRecord).where(RunRecord.id == run_id).values(values))


def stamp_of(folder: Path) -> Stamp:
    """Return a value that changes when one of the ``WATCHED`` files does."""
    stamps: list[int] = []
    for name in WATCHED:
        with suppress(OSError):
            status = (folder / name).stat()
            stamps += (status.st_mtime_ns, status.st_size)
    return tuple(stamps)


def is_alive(row: ProcessFacts, folder: Path) -> bool:
    """Whether the process that trains this run is still alive."""
    if row.pid is None:
        return is_held(folder)
    if row.host != socket.gethostname():
        return row.updated is not None and datetime.now(UTC) - row.updated < SILENT
    try:
        return abs(psutil.Process(row.pid).create_time() - (row.pid_started or 0.0)) < 2.0
    except psutil.Error:
        return False
