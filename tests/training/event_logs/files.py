"""Event files for tests, and TensorBoard's own reader for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import SCALARS, TENSORS, EventAccumulator
from tensorboard.compat.proto import event_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_ndarray

FIRST, SECOND = "events.out.tfevents.1000.here.1", "events.out.tfevents.2000.here.2"
Points = list[tuple[int, float]]


def event(step: int, values: Mapping[str, float], wall_time: float | None = None) -> bytes:
    """Return a serialized event of scalars."""
    made = event_pb2.Event(step=step, wall_time=float(step) if wall_time is None else wall_time)
    for key, number in values.items():
        made.summary.value.add(tag=key, simple_value=number)
    return bytes(made.SerializeToString())


def write_file(path: Path, events: list[bytes]) -> list[int]:
    """Write these events with TensorBoard's writer; return the ends of header and events, in bytes."""
    with path.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(event_pb2.Event(file_version="brain.Event:2").SerializeToString())
        ends = [file.tell()]
        for data in events:
            writer.write(data)
            ends.append(file.tell())
    return ends


def official(folder: Path, key: str) -> Points:
    """Return the points of a curve as TensorBoard reads them."""
    events = EventAccumulator(str(folder), {SCALARS: 0, TENSORS: 0})
    events.Reload()
    if key in events.Tags()["tensors"]:  # the new encoding of scalars
        return [(point.step, float(make_ndarray(point.tensor_proto))) for point in events.Tensors(key)]
    found = events.Scalars(key) if key in events.Tags()["scalars"] else []
    return [(point.step, point.value) for point in found]
