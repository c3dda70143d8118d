"""Scalars in TensorBoard event files, as they were logged: whole, in order, doubled steps replaced."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util import tensor_util

from training.history_db.curves import POINT, Points
from training.history_db.run_facts import moment, sessions_of

PREFIX = "events.out.tfevents."
HEADER, FOOTER = 12, 4  # bytes round a record: its length (uint64) and a checksum, and one of the data
Logged = tuple[str, int, float, float]  # key, step, wall time (seconds since 1970), value


def logged_scalars(folder: Path) -> Iterator[Logged]:
    """Every scalar in the event files of ``folder``, the oldest file first; damage ends its file."""
    for path in sorted(folder.glob(PREFIX + "*")):
        try:
            data = path.read_bytes()
        except OSError:
            continue
        for record in _records(data):
            try:
                event = Event.FromString(record)
            except DecodeError:
                break
            yield from _scalars(event)


def _records(data: bytes) -> Iterator[bytes]:
    """The records of a TFRecord file, without their checksums: in Python those take 20 times as long as all
    else, and a torn end is told by its length."""
    begin = 0
    while begin + HEADER <= len(data):
        (length,) = struct.unpack_from("<Q", data, begin)
        end = begin + HEADER + length
        if end + FOOTER > len(data):
            return
        yield data[begin + HEADER : end]
        begin = end + FOOTER


def _scalars(event: Any) -> Iterator[Logged]:
    for value in event.summary.value:
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            yield value.tag, event.step, event.wall_time, value.simple_value
        elif kind == "tensor" and value.metadata.plugin_data.plugin_name == "scalars":
            yield value.tag, event.step, event.wall_time, float(tensor_util.make_ndarray(value.tensor))


def curves_from_events(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Points]:
    """Key -> points. A step that was logged again after a resume replaces what followed it before."""
    rows: dict[str, list[tuple[int, float, float]]] = {}
    for key, step, wall, value in logged_scalars(folder):
        curve = rows.setdefault(key, [])
        while curve and curve[-1][0] >= step:
            curve.pop()
        curve.append((step, wall, value))
    curves = {key: np.array(points, dtype=POINT) for key, points in rows.items()}
    _wall_to_training_time(curves, manifest)
    return curves


def _wall_to_training_time(curves: Mapping[str, Points], manifest: Mapping[str, Any]) -> None:
    """Replaces wall times by the time spent training until then; what lies between sessions is left out."""
    if not curves:
        return
    walls = np.unique(np.concatenate([points["seconds"] for points in curves.values()]))
    sessions = (moment(session.get("started")) for session in sessions_of(manifest))
    begins = [begin.timestamp() for begin in sessions if begin is not None]
    starts = [float(walls[0]), *sorted(b for b in begins if walls[0] < b < walls[-1])]
    if begins and min(begins) < walls[0]:
        starts[0] = min(begins)
    spent, offsets = 0.0, []
    for start, following in zip(starts, [*starts[1:], np.inf], strict=True):
        offsets.append(spent - start)
        last = walls[np.searchsorted(walls, following) - 1]
        spent += max(0.0, float(last) - start)
    for points in curves.values():
        session = np.searchsorted(starts, points["seconds"], side="right") - 1
        points["seconds"] += np.array(offsets)[np.maximum(session, 0)]
