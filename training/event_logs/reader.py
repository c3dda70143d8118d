"""Reading the scalars of TensorBoard's event files, record by record: memory does not grow with the files.

A file is a sequence of records: length (uint64), masked CRC-32C of the length, data, masked CRC-32C of the
data, all little-endian (the TFRecord format, https://www.tensorflow.org/tutorials/load_data/tfrecord). The
data is an Event in protocol buffers. The last record of a run that still writes, or was killed, may be cut.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.util.tensor_util import make_ndarray

from envs.errors import UserError

PATTERNS = ("*tfevents*", "tensorboard/*tfevents*", "*/*tfevents*", "*/*/*tfevents*")
LARGEST = 1 << 16  # bytes of a record that is read: scalars take a hundred, pictures are passed over
MAX_NOTES = 10
HEADER = struct.Struct("<QI")
CHECKSUM = struct.Struct("<I")


@dataclass
class LoggedStep:
    """What was logged for one step: key -> value, and when the last of it was written, in Unix seconds."""

    step: int
    wall_time: float
    values: dict[str, float] = field(default_factory=dict)


class EventReader:
    """The scalars of several event files as rows of rising steps; ``notes`` says what could not be used.

    Steps that an earlier file had already (a run that was killed and resumed) are passed over.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = list(files)
        self.notes: list[str] = []
        self.repeated = 0

    def rows(self) -> Iterator[LoggedStep]:
        """One row for each step, in order. Raises UserError when a file cannot be opened."""
        row: LoggedStep | None = None
        for file in self.files:
            for event in self._events(file):
                if row is not None and event.step < row.step:
                    self.repeated += 1
                    continue
                if row is not None and event.step > row.step:
                    yield row
                    row = None
                if row is None:
                    row = LoggedStep(event.step, event.wall_time)
                row.wall_time = event.wall_time
                row.values.update(_scalars(event))
        if row is not None:
            yield row

    def _events(self, path: Path) -> Iterator[Event]:
        try:
            with path.open("rb") as file:
                for data in self._records(file, path):
                    try:
                        event = Event.FromString(data)
                    except DecodeError:
                        self._note(f"{path.name}: a record before byte {file.tell()} is no event")
                        continue
                    if event.HasField("summary"):
                        yield event
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error

    def _records(self, file: IO[bytes], path: Path) -> Iterator[bytes]:
        size = path.stat().st_size
        while header := file.read(HEADER.size):
            begin = file.tell() - len(header)
            if len(header) < HEADER.size:
                self._note(f"{path.name}: the last record is cut off")
                return
            length, checksum = HEADER.unpack(header)
            if masked_crc32c(header[:8]) != checksum:
                self._note(f"{path.name}: damaged at byte {begin}, nothing after it can be read")
                return
            end = file.tell() + length + CHECKSUM.size
            if end > size:
                self._note(f"{path.name}: the last record is cut off")
                return
            if length > LARGEST:
                file.seek(end)
                continue
            data = file.read(length)
            if CHECKSUM.unpack(file.read(CHECKSUM.size))[0] != masked_crc32c(data):
                self._note(f"{path.name}: damaged at byte {begin}, one record passed over")
                continue
            yield data

    def _note(self, line: str) -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(line)


def _scalars(event: Event) -> dict[str, float]:
    found: dict[str, float] = {}
    for value in event.summary.value:
        if value.HasField("simple_value"):
            found[value.tag] = float(value.simple_value)
        elif value.HasField("tensor") and value.metadata.plugin_data.plugin_name in ("", "scalars"):
            try:
                array = make_ndarray(value.tensor)
            except (TypeError, ValueError):
                continue  # a tensor of a kind that holds no numbers
            if array.size == 1 and array.dtype.kind in "fiu":
                found[value.tag] = float(array.reshape(-1)[0])
    return found


def event_files(path: Path) -> list[Path]:
    """The event files of one run in ``path``, the oldest first: itself, its own, those of its tensorboard
    folder, or those of the one folder below it that has any.

    Raises:
        UserError: there are none, or those of several runs.
    """
    if path.is_file():
        return [path]
    for pattern in PATTERNS:
        try:
            found = [file for file in path.glob(pattern) if file.is_file()]
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from error
        folders = sorted({file.parent for file in found})
        if len(folders) > 1:
            some = ", ".join(str(folder) for folder in folders[:5])
            raise UserError(f"{path} holds {len(folders)} runs; name one of them: {some}")
        if found:
            return sorted(found, key=_age)
    raise UserError(f"{path} holds no TensorBoard files (names with tfevents in them)")


def _age(file: Path) -> tuple[int, str]:
    """The time in an event file's name, in Unix seconds, and the name."""
    match = re.search(r"tfevents\.(\d{1,15})", file.name)
    return (int(match.group(1)) if match else 0, file.name)
