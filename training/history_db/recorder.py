"""Recording of a run in the history during training, within a small share of its time."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import psutil
from sqlalchemy import Connection, select, update
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter

from envs.files import write_json
from envs.installation import call
from training.history_db.curves import CurveWriter, as_points
from training.history_db.importing import figures, import_run, new_row, refresh, run_id_of
from training.history_db.models import RunRecord
from training.history_db.run_facts import RECORD, number, read_json, run_facts, verdict_of, whole
from training.history_db.store import HistoryError, Store

SHARE = 0.005  # of the run's time for writing or waiting for a locked database
SHORTEST_PAUSE_S = 0.5
WAIT_S = 0.2  # the longest that training waits for another writer
CHANGING = ("status", "reason", "ended", "steps", "milestones")
MOST_WAITING = 2000  # points of a key kept while the database is locked; older ones are dropped


class Stopwatch:
    """Context manager that adds up the time spent inside it, in seconds."""

    def __init__(self) -> None:
        self.seconds = self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began


class RunHistory(BaseCallback):
    """Records the run in ``folder``: as a context manager how it ended, as a callback and through the logger
    its measurements.

    All writing happens at log dumps, in one transaction, and the next one waits for 1 / ``SHARE`` times the
    duration of the last. If the database is locked or cannot be written, one warning is printed, measurements
    are kept for later and the run continues. ``stopped_by`` returns at the end what stopped the run early, or
    None.
    """

    def __init__(
        self,
        folder: Path,
        first_step: int,
        stopped_by: Callable[[], str | None],
        path: Path | None = None,
    ) -> None:
        super().__init__()
        self.folder, self.first_step, self.stopped_by, self.path = folder, first_step, stopped_by, path
        self.milestones: dict[str, int] = {}
        self._facts: dict[str, Any] = {}
        self._store: Store | None = None
        self._curves: CurveWriter | None = None
        self._waiting: dict[str, list[tuple[int, float, float]]] = {}
        self._latest: dict[str, float] = {}
        self._before = self._began = self._next_write = 0.0
        self._warned = False
        self._cost = Stopwatch()  # all time that the history takes in this session

    def __enter__(self) -> RunHistory:
        self._began = time.monotonic()
        record = read_json(self.folder / RECORD) if self.first_step else {}
        if (whole(record.get("steps")) or 0) <= self.first_step:
            self._before = number(record.get("seconds")) or 0.0
        kept = record.get("milestones")
        for name, step in (kept if isinstance(kept, dict) else {}).items():
            if (reached := whole(step)) is not None and reached <= self.first_step:
                self.milestones[name] = reached
        self._facts = run_facts(self.folder) | {
            "status": "running", "reason": None, "ended": None, "steps": self.first_step, "seconds": 0.0,
            "milestones": self.milestones, "host": socket.gethostname(), "pid": os.getpid(),
            "pid_started": psutil.Process().create_time(),
        }  # fmt: skip
        with self._cost:
            self._write_record("running")
            self._save()
        self._next_write = 0.0  # opening the database is part of starting up
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        steps = self.model.num_timesteps if hasattr(self, "model") else self.first_step
        status, reason = "stopped", self.stopped_by()
        if error is not None and not isinstance(error, KeyboardInterrupt):
            status, reason = "failed", " ".join(f"{type(error).__name__}: {error}".split())[:500]
        elif error is None and steps >= self._facts["wanted_steps"]:
            status, reason = "finished", None
        ended = {"status": status, "reason": reason, "ended": datetime.now(UTC), "steps": steps}
        self._facts.update(ended)
        with self._cost:
            self._write_record(status)
            self._save(at_end=True)
            if self._store is not None:
                self._store.close()
        self._write_record(status)  # again, with the final cost

    def take(self, values: Mapping[str, Any], step: int) -> None:
        """Record the numbers logged at ``step``; pictures and texts are ignored."""
        with self._cost:
            self._take(values, step)

    def _take(self, values: Mapping[str, Any], step: int) -> None:
        for key, value in values.items():
            if isinstance(value, int | float | np.number) and not isinstance(value, bool):
                self._latest[key] = float(value)
                waiting = self._waiting.setdefault(key, [])
                waiting.append((step, self._seconds(), float(value)))
                del waiting[:-MOST_WAITING]
        self._facts["steps"] = step
        if time.monotonic() >= self._next_write:
            self._save()

    def _on_training_start(self) -> None:
        self.logger.output_formats.append(_Collector(self))

    def _on_step(self) -> bool:
        with self._cost:
            for info in self.locals["infos"]:
                for name in info.get("milestones", ()):
                    if name not in self.milestones:
                        self.milestones[name] = self.num_timesteps
                        self._write_record("running")
        return True

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._began

    def _write_record(self, status: str) -> None:
        """Write the facts into the run folder for a rebuild."""
        ended = self._facts["ended"]
        record = {
            "status": status,
            "reason": self._facts["reason"],
            "ended": ended.isoformat() if ended else None,
            "steps": self._facts["steps"],
            "seconds": round(self._seconds(), 3),
            "session_seconds": round(time.monotonic() - self._began, 3),
            "writing_seconds": round(self._cost.seconds, 3),
            "milestones": self.milestones,
        }
        try:
            write_json(self.folder / RECORD, record)
        except OSError as error:
            self._warn(f"{self.folder / RECORD} cannot be written: {error.strerror}")

    def _save(self, at_end: bool = False) -> None:
        began, used = time.monotonic(), time.thread_time()
        try:
            if self._store is None:
                self._store = Store(self.path, WAIT_S)
            with self._store.write() as connection:
                self._write(connection, at_end)
            self._waiting.clear()
            spent = time.thread_time() - used  # without waiting for a busy core
        except HistoryError as error:
            self._curves = None
            self._warn(str(error))
            spent = time.monotonic() - began
        self._next_write = began + max(SHORTEST_PAUSE_S, spent / SHARE)

    def _warn(self, what: str) -> None:
        if not self._warned:
            print(
                f"warning: the run continues without its history: {what};"
                f" restore it with {call('history.py')} --rebuild",
                file=sys.stderr,
                flush=True,
            )
        self._warned = True

    def _write(self, connection: Connection, at_end: bool) -> None:
        if self._curves is None:
            self._curves = CurveWriter(self._begin(connection))
        row = {name: self._facts[name] for name in CHANGING} | figures(self._latest)
        row |= {"updated": datetime.now(UTC), "seconds": self._seconds(), "verdict": verdict_of(self.folder)}
        connection.execute(update(RunRecord).where(RunRecord.id == self._curves.run_id).values(row))
        self._curves.add(connection, {key: as_points(rows) for key, rows in self._waiting.items()})
        if at_end:
            refresh(connection, self._curves.run_id, self.folder)

    def _begin(self, connection: Connection) -> int:
        """Return the id of the run's row: a new one for a new run, the existing one for a resumed run."""
        run_id, facts = run_id_of(connection, self.folder.name), self._facts
        mine = select(RunRecord.id).where(
            RunRecord.id == run_id,
            RunRecord.pid == facts["pid"],
            RunRecord.pid_started == facts["pid_started"],
        )
        if connection.execute(mine).scalar() is not None:
            return int(run_id or 0)  # written by this process before the database failed
        if not self.first_step:
            return new_row(connection, facts)
        run_id = import_run(connection, self.folder)  # the row may lack what was logged last
        before = connection.execute(select(RunRecord.seconds).where(RunRecord.id == run_id)).scalar()
        self._before = before or self._before
        connection.execute(update(RunRecord).where(RunRecord.id == run_id).values(facts))
        return run_id


class _Collector(KVWriter):
    """Logger output that passes values to the history."""

    def __init__(self, history: RunHistory) -> None:
        self.history = history

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        hidden = {key for key, formats in key_excluded.items() if "tensorboard" in (formats or ())}
        self.history.take({key: value for key, value in key_values.items() if key not in hidden}, step)

    def close(self) -> None:
        pass
