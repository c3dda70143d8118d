"""Output that does not depend on its reader: a closed pipe or terminal, or a reader that stopped reading."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from queue import SimpleQueue
from typing import TextIO, cast

MOST_WAITING = 1000
"""Pieces of text that wait for a slow reader; further ones are dropped."""
PATIENCE = 1.0
"""Seconds that ``flush`` waits for a reader, until one has let it wait that long."""


class _Writer:
    """A thread that writes to file descriptors in the order of the calls, as far as they accept anything."""

    def __init__(self) -> None:
        # SimpleQueue, since a signal handler may print in the middle of a call.
        self._waiting: SimpleQueue[tuple[int, bytes] | threading.Event] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stuck = False

    def put(self, descriptor: int, data: bytes) -> None:
        if sys.is_finalizing() or not self._started():
            _write(descriptor, data)
        elif self._waiting.qsize() < MOST_WAITING:
            self._waiting.put((descriptor, data))

    def _started(self) -> bool:
        """Start the thread unless it runs already. Returns False if the system allows no more threads."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="output", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            piece = self._waiting.get()
            if isinstance(piece, threading.Event):
                piece.set()
                continue
            _write(*piece)
            self._stuck = False

    def drain(self) -> None:
        """Wait until all is written, but not for a reader that has let it wait before."""
        if self._thread is None or self._stuck or sys.is_finalizing():
            return
        written = threading.Event()
        self._waiting.put(written)
        self._stuck = not written.wait(PATIENCE)


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(OSError):  # nobody reads it any more, or the disk is full
        while data:
            data = data[os.write(descriptor, data) :]


_writer = _Writer()


class LastingOutput(io.TextIOBase):
    """A stream in place of ``stream`` whose methods do not raise OSError and do not wait for a reader.

    Text is dropped if nobody can read it any more, or if too much waits for a reader. It writes past the
    buffer of ``stream``, whose lock would otherwise be held while the program exits.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._descriptor = stream, stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of ``stream``."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """How ``stream`` encodes what its encoding lacks."""
        return self._stream.errors

    def write(self, text: str) -> int:
        """Write ``text``, sooner or later; return its length."""
        _writer.put(self._descriptor, text.encode(self.encoding, self.errors or "strict"))
        return len(text)

    def flush(self) -> None:
        """Wait until all is written, for at most PATIENCE seconds, and only once for the same reader."""
        _writer.drain()

    def writable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """Whether ``stream`` is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """File descriptor of ``stream``."""
        return self._descriptor


def outlast_readers() -> None:
    """Replace stdout and stderr by LastingOutput. Does nothing for a stream that is no file of the system."""
    if os.name != "posix":  # a console of Windows is not written through its file descriptor
        return
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError):
                stream.flush()
            setattr(sys, name, cast(TextIO, LastingOutput(stream)))
