"""Curves in the database: appended in small pieces, bounded in size, read as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from training.history_db.models import Chunk, CurveRecord

# step: environment steps; seconds: time spent training until then; value: as in TensorBoard.
POINT = np.dtype([("step", "<i8"), ("seconds", "<f8"), ("value", "<f4")])
Points = NDArray[np.void]
CURVES, CHUNKS = cast(Table, CurveRecord.__table__), cast(Table, Chunk.__table__)  # for many rows at once
CHUNK = 128  # points; the last chunk is rewritten with every addition
LIMIT = 4096  # points of a curve; beyond that, each two are merged


def as_points(rows: Iterable[tuple[int, float, float]]) -> Points:
    """Return rows of (step, seconds, value) as an array of ``POINT``."""
    return np.array(list(rows), dtype=POINT)


def merge(points: Points, size: int) -> Points:
    """Merge every ``size`` neighbours into their mean value at the last one's step, without a remainder."""
    whole = len(points) // size * size
    groups = points[:whole].reshape(-1, size)
    merged: Points = groups[:, -1].copy()
    values = groups["value"].astype(np.float64)
    finite = np.isfinite(values)
    counts = finite.sum(axis=1)
    sums = np.where(finite, values, 0.0).sum(axis=1)
    merged["value"] = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return merged


class CurveWriter:
    """Adds points to one run's curves. Keeps, for each key, the chunk that is being filled.

    When a curve exceeds ``LIMIT`` points, neighbours are merged in pairs and later points are merged
    ``stride`` at a time, so that a curve's size is bounded. Points wait here until their stride is full.
    """

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self._open: dict[str, _OpenCurve] = {}

    def add(self, connection: Connection, curves: Mapping[str, Points]) -> None:
        """Append points with increasing steps to the curve of each key; steps already present are skipped."""
        chunks: list[dict[str, Any]] = []
        sizes: list[dict[str, Any]] = []
        for key, points in curves.items():
            curve = self._open.get(key) or _OpenCurve(connection, self.run_id, key)
            self._open[key] = curve
            written = curve.add(points)
            while curve.points > LIMIT:
                written = curve.thin(connection, written)
            if written:
                chunks += written
                sizes.append({"of": curve.id, "points": curve.points, "stride": curve.stride})
        _write_chunks(connection, chunks)
        if sizes:
            connection.execute(update(CURVES).where(CURVES.c.id == bindparam("of")), sizes)


class _OpenCurve:
    def __init__(self, connection: Connection, run_id: int, key: str) -> None:
        row = connection.execute(
            select(CurveRecord).where(CurveRecord.run_id == run_id, CurveRecord.key == key)
        ).one_or_none()
        if row is None:
            added = (
                insert(CurveRecord)
                .values(run_id=run_id, key=key, stride=1, points=0)
                .returning(CurveRecord.id)
            )
            self.id, self.stride, self.points = connection.execute(added).scalar_one(), 1, 0
        else:
            self.id, self.stride, self.points = row.id, row.stride, row.points
        self.tail = _read_chunk(connection, self.id, self.points // CHUNK)
        before = self.tail if len(self.tail) else _read_chunk(connection, self.id, self.points // CHUNK - 1)
        self.last_step = int(before["step"][-1]) if len(before) else -1
        self.waiting = np.empty(0, dtype=POINT)

    def add(self, points: Points) -> list[dict[str, Any]]:
        """Return the chunks to write: the extended last one and new ones."""
        points = points[points["step"] > self.last_step]
        if not len(points):
            return []
        self.last_step = int(points["step"][-1])
        self.waiting = np.concatenate([self.waiting, points])
        ready = merge(self.waiting, self.stride)
        self.waiting = self.waiting[len(ready) * self.stride :]
        return self._append(ready)

    def _append(self, ready: Points) -> list[dict[str, Any]]:
        if not len(ready):
            return []
        first = self.points // CHUNK
        data = np.concatenate([self.tail, ready])
        self.points += len(ready)
        self.tail = data[(self.points // CHUNK - first) * CHUNK :]
        return [
            {"curve_id": self.id, "number": number, "data": data[start : start + CHUNK].tobytes()}
            for number, start in enumerate(range(0, len(data), CHUNK), first)
        ]

    def thin(self, connection: Connection, written: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Store ``written``, merge points in pairs, and return the chunks to write instead."""
        _write_chunks(connection, written)
        points = read_curves(connection, [self.id])[self.id]
        half = merge(points, 2)
        # A leftover point is not lost: it waits as if just logged.
        self.waiting = np.concatenate([points[len(half) * 2 :], self.waiting])
        self.stride *= 2
        connection.execute(delete(Chunk).where(Chunk.curve_id == self.id))
        self.points, self.tail = 0, np.empty(0, dtype=POINT)
        return self._append(half)


def _read_chunk(connection: Connection, curve_id: int, number: int) -> Points:
    found = select(Chunk.data).where(Chunk.curve_id == curve_id, Chunk.number == number)
    return np.frombuffer(connection.execute(found).scalar() or b"", dtype=POINT)


def _write_chunks(connection: Connection, chunks: list[dict[str, Any]]) -> None:
    if chunks:
        added = insert(CHUNKS)
        connection.execute(
            added.on_conflict_do_update(
                index_elements=["curve_id", "number"], set_={"data": added.excluded.data}
            ),
            chunks,
        )


def read_curves(connection: Connection, ids: Sequence[int]) -> dict[int, Points]:
    """Return curve id -> points, for the ids that have any."""
    found = select(Chunk.curve_id, Chunk.data).where(Chunk.curve_id.in_(ids))
    parts: dict[int, list[bytes]] = {}
    for curve_id, data in connection.execute(found.order_by(Chunk.curve_id, Chunk.number)):
        parts.setdefault(curve_id, []).append(data)
    return {curve_id: np.frombuffer(b"".join(data), dtype=POINT) for curve_id, data in parts.items()}
