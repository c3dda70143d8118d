"""A run's curves from its TensorBoard files, in pieces, with the time spent training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.event_logs.reader import EventReader
from training.event_logs.records import files_in
from training.history_db.curves import POINT, Points
from training.history_db.run_facts import moment, sessions_of

PIECE = 50_000  # points in memory at a time


def curves_from_events(folder: Path, manifest: Mapping[str, Any]) -> Iterator[dict[str, Points]]:
    """Yield pieces of the curves as key -> points; steps increase from one piece to the next.

    Checksums of data are not verified: that would take several times as long as everything else.
    """
    clock, piece = TrainingClock(manifest), _Piece()
    for row in EventReader(files_in(folder), checked=False).rows():
        piece.add(row.step, clock.seconds(row.wall_time), row.values)
        if piece.size >= PIECE:
            yield piece.curves()
            piece = _Piece()
    if piece.size:
        yield piece.curves()


class _Piece:
    """Rows stored by column: making an array from tuples takes several times as long."""

    def __init__(self) -> None:
        self.size = 0
        self._rows: list[tuple[int, float]] = []
        self._columns: dict[str, tuple[list[int], list[float]]] = {}

    def add(self, step: int, seconds: float, values: Mapping[str, float]) -> None:
        """Add one row."""
        number = len(self._rows)
        self._rows.append((step, seconds))
        for key, value in values.items():
            numbers, column = self._columns.get(key) or self._columns.setdefault(key, ([], []))
            numbers.append(number)
            column.append(value)
        self.size += len(values)

    def curves(self) -> dict[str, Points]:
        """Return key -> points."""
        rows = np.zeros(len(self._rows), POINT)
        rows["step"], rows["seconds"] = zip(*self._rows, strict=True)
        found = {}
        for key, (numbers, column) in self._columns.items():
            found[key] = points = rows[numbers]
            points["value"] = column
        return found


class TrainingClock:
    """Converts wall times, asked for in order, to the time spent training, without the time between
    sessions."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        begins = (moment(session.get("started")) for session in sessions_of(manifest))
        self._begins = sorted(begin.timestamp() for begin in begins if begin is not None)
        self._start: float | None = None
        self._last = self._before = 0.0

    def seconds(self, wall: float) -> float:
        """Return the seconds of training until ``wall`` (Unix seconds)."""
        if self._start is None:
            self._start = self._last = min([wall, *self._begins])
            self._begins = [begin for begin in self._begins if begin > wall]
        while self._begins and self._begins[0] <= wall:
            self._before += self._last - self._start
            self._start = self._last = self._begins.pop(0)
        self._last = max(self._last, wall)
        return self._before + max(0.0, wall - self._start)
