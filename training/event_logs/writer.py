"""Writer of TensorBoard event files that loses and repeats no points and never ends a run."""

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

from envs.files import open_atomically, remove_unfinished
from training.event_logs.records import (
    CHECKSUM,
    HEADER,
    PREFIX,
    files_in,
    parse_event,
    read_records,
    time_of,
)

BY_EPOCH = "clone/"
"""Beginning of the keys of curves by epoch."""
MOST_WAITING = 20_000
"""Records that wait while the disk cannot be written; older ones are dropped."""


class EventFile:
    """Event file of one session in ``folder``.

    ``flush`` appends the waiting events. If the disk cannot be written, they keep waiting and one warning is
    printed. If the file or its folder is gone, a new file is started.
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
        """Append the waiting events."""
        try:
            if self._path is None or not self._path.is_file():
                self._begin()
            assert self._path is not None
            data = b"".join(self._waiting)
            with self._path.open("r+b") as file:
                file.seek(self._size)  # over the partial write of a full disk
                file.truncate()
                file.write(data)
        except OSError as error:
            self._warn(f"{self.folder}: cannot be written ({error.strerror}); its points are kept for later")
            return
        self._size += len(data)
        self._waiting.clear()
        self._warned = False

    def _begin(self) -> None:
        if self._path is not None:
            self._warn(f"{self._path} is gone and its points are lost; new points go to a new file")
            self._warned = False
        self.folder.mkdir(parents=True, exist_ok=True)
        # Readers sort files by name: a clock that was set back must not change their order.
        newest = max(map(time_of, files_in(self.folder)), default=0)
        stamp = max(int(time.time()), newest + 1)
        path = self.folder / f"{PREFIX}{stamp:010d}.{socket.gethostname()}.{os.getpid()}"
        head = _record(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))
        if self.first_step:  # makes an open TensorBoard drop the points that were cut off
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
        """Append the waiting events; no file is held open."""
        self.flush()

    def reopen(self) -> None:
        """Do nothing: no file is held open."""

    def get_logdir(self) -> str:
        """Return the folder."""
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
    """stable-baselines3's TensorBoard output on an EventFile. ``first_step``: first step of the session."""

    def __init__(self, folder: Path, first_step: int = 0) -> None:
        self.writer: Any = _Writer(EventFile(folder, first_step))
        self._is_closed = False
        self.writer.flush()


def _record(event: event_pb2.Event) -> bytes:
    buffer = io.BytesIO()
    RecordWriter(buffer).write(event.SerializeToString())
    return buffer.getvalue()


def cut_events_after(folder: Path, steps: int) -> int:
    """Remove events after ``steps``, data after damage, and unfinished files from ``folder``.

    No other process may be writing. Returns the number of removed events. Raises OSError when a file cannot
    be written.
    """
    remove_unfinished(folder)
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
    """Yield each record's start and end, in bytes, and whether to keep it, up to data that is not
    an event."""
    with path.open("rb") as file:
        for begin, data in read_records(file, lambda _: None, checked=False):
            event = parse_event(data)
            if event is None:
                return
            stays = event.step <= steps or _is_of_cloning(event)
            yield begin, begin + HEADER.size + len(data) + CHECKSUM.size, stays


def _is_of_cloning(event: event_pb2.Event) -> bool:
    """Whether it is a point of curves by epoch instead of step, which end before the run's first step."""
    return bool(event.summary.value) and all(v.tag.startswith(BY_EPOCH) for v in event.summary.value)


def _keep_until(path: Path, steps: int) -> None:
    with path.open("rb") as old, open_atomically(path) as new:
        for begin, end, stays in _spans(path, steps):
            if stays:
                old.seek(begin)
                new.write(old.read(end - begin))
