"""TensorBoard's event files, written so that no point is lost, doubled, or able to end a run."""

from __future__ import annotations

import io
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stable_baselines3.common.logger import TensorBoardOutputFormat
from tensorboard.compat.proto import event_pb2
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.writer import FileWriter, SummaryWriter

from envs.files import open_atomically
from training.event_logs.records import (
    CHECKSUM,
    HEADER,
    PREFIX,
    files_in,
    parse_event,
    read_records,
    time_of,
)

MOST_WAITING = 20_000
"""Records that wait for a disk that refuses; older ones are given up."""


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
        newest = max(map(time_of, files_in(self.folder)), default=0)
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


def cut_events_after(folder: Path, steps: int) -> int:
    """Remove every event after ``steps`` from the files in ``folder``, and what follows damage.

    Returns how many events were removed. Raises OSError when a file cannot be written.
    """
    removed = 0
    for path in files_in(folder):
        kept = 0
        for begin, end, stays in _spans(path, steps):
            kept += stays * (end - begin)
            removed += not stays
        if kept < path.stat().st_size:
            _keep_until(path, steps)
    return removed


def _spans(path: Path, steps: int) -> Iterator[tuple[int, int, bool]]:
    """Begin and end of each record, in bytes, and whether it stays; what is no event ends the file."""
    with path.open("rb") as file:
        for begin, data in read_records(file, lambda _: None, checked=False):
            event = parse_event(data)
            if event is None:
                return
            yield begin, begin + HEADER.size + len(data) + CHECKSUM.size, event.step <= steps


def _keep_until(path: Path, steps: int) -> None:
    with path.open("rb") as old, open_atomically(path) as new:
        for begin, end, stays in _spans(path, steps):
            if stays:
                old.seek(begin)
                new.write(old.read(end - begin))
