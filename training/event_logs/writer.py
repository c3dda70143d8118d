"""TensorBoard's event files, written so that no point is lost, doubled, or able to end a run.

A record is its length (uint64), a checksum of that, the data, and a checksum of them, all little-endian, as
TensorBoard's own reader and writer have it.
"""

from __future__ import annotations

import io
import os
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from stable_baselines3.common.logger import TensorBoardOutputFormat
from tensorboard.compat.proto import event_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.writer import FileWriter, SummaryWriter

from envs.files import write_atomically

PREFIX = "events.out.tfevents."
MOST_WAITING = 20_000
"""Records that wait for a disk that refuses; older ones are given up."""
HEADER, FOOTER = 12, 4  # bytes round the data


class EventFile:
    """Events of one session, in a file of their own in ``folder``.

    ``flush`` appends what waits. When the disk refuses, that waits on and one warning is printed; when the
    file or its folder is gone, a new one is begun.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        self.folder, self.first_step = folder, first_step
        self._path: Path | None = None
        self._size = 0
        self._waiting: list[bytes] = []
        self._warned = False

    def add_event(self, event: event_pb2.Event) -> None:
        """Keep ``event`` until the next ``flush``."""
        self._waiting.append(_record(event))
        del self._waiting[:-MOST_WAITING]

    def flush(self) -> None:
        """Append what waits."""
        try:
            if self._path is None or not self._path.is_file():
                self._begin()
            assert self._path is not None
            data = b"".join(self._waiting)
            with self._path.open("r+b") as file:
                file.seek(self._size)  # over what a full disk took of the last try
                file.truncate()
                file.write(data)
        except OSError as error:
            self._warn(f"{self.folder}: cannot be written ({error.strerror}); its points wait")
            return
        self._size += len(data)
        self._waiting.clear()
        self._warned = False

    def _begin(self) -> None:
        if self._path is not None:
            self._warn(f"{self._path} is gone; its points are lost, the next ones go to a new file")
            self._warned = False
        self.folder.mkdir(parents=True, exist_ok=True)
        # Readers take files in the order of their names: a clock that was set back must not reverse it.
        newest = max((_stamp(path) for path in self.folder.glob(PREFIX + "*")), default=0)
        stamp = max(int(time.time()), newest + 1)
        path = self.folder / f"{PREFIX}{stamp:010d}.{socket.gethostname()}.{os.getpid()}"
        head = _record(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))
        if self.first_step:  # a TensorBoard that is open drops the points that were cut off
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            head += _record(event_pb2.Event(step=self.first_step + 1, session_log=start))
        with path.open("xb") as file:
            file.write(head)
        self._path, self._size = path, len(head)

    def _warn(self, text: str) -> None:
        if not self._warned:
            print(f"warning: {text}", file=sys.stderr)
        self._warned = True

    def close(self) -> None:
        """Append what waits; there is nothing else to close."""
        self.flush()

    def reopen(self) -> None:
        """Nothing to do: no file is held open."""

    def get_logdir(self) -> str:
        """The folder."""
        return str(self.folder)


class _FileWriter(FileWriter):
    def __init__(self, events: EventFile) -> None:
        self.event_writer = events


class _Writer(SummaryWriter):
    file_writer: Any
    all_writers: Any

    def __init__(self, events: EventFile) -> None:
        self._events = events
        super().__init__(log_dir=events.get_logdir())

    def _get_file_writer(self) -> FileWriter:
        if self.file_writer is None:
            self.file_writer = _FileWriter(self._events)
            self.all_writers = {self._events.get_logdir(): self.file_writer}
        writer: FileWriter = self.file_writer
        return writer


class EventLog(TensorBoardOutputFormat):
    """stable-baselines3's log for TensorBoard, on an EventFile. ``first_step``: where the session begins."""

    def __init__(self, folder: Path, first_step: int = 0) -> None:
        self.writer: Any = _Writer(EventFile(folder, first_step))
        self._is_closed = False
        self.writer.flush()


def _record(event: event_pb2.Event) -> bytes:
    buffer = io.BytesIO()
    RecordWriter(buffer).write(event.SerializeToString())
    return buffer.getvalue()


def _stamp(path: Path) -> int:
    text = path.name.removeprefix(PREFIX).split(".")[0]
    return int(text) if text.isascii() and text.isdigit() else 0


def cut_events_after(folder: Path, steps: int) -> int:
    """Remove every event after ``steps`` from the files in ``folder``, and half-written ends.

    Returns how many were removed. Raises OSError when a file cannot be written.
    """
    removed = 0
    for path in sorted(folder.glob(PREFIX + "*")):
        data = path.read_bytes()
        kept, dropped = _until(data, steps)
        if len(kept) < len(data):
            write_atomically(path, kept)
        removed += dropped
    return removed


def _until(data: bytes, steps: int) -> tuple[bytes, int]:
    parts, dropped, begin = [], 0, 0
    while begin + HEADER <= len(data):
        (length,) = struct.unpack_from("<Q", data, begin)
        end = begin + HEADER + length + FOOTER
        if end > len(data):
            break
        try:
            step = event_pb2.Event.FromString(data[begin + HEADER : end - FOOTER]).step
        except DecodeError:
            break
        if step <= steps:
            parts.append(data[begin:end])
        else:
            dropped += 1
        begin = end
    return b"".join(parts), dropped
