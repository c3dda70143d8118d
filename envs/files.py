"""Safe reading of untrusted files, and atomic writing."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import sys
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

UNFINISHED = ".new"
"""Suffix of incomplete files."""
_refused: set[Path] = set()


def read_plain(path: Path, most: int, only: int | None = None) -> bytes:
    """Return the bytes of the regular file ``path``, or its first ``only`` bytes.

    Pipes and devices are refused: reading could block or never end, and a link in an untrusted folder may
    lead to one. Files above ``most`` bytes are refused too. Raises OSError, whose strerror says why.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"{status.st_size} bytes are too many, at most {most}")
        return file.read(most if only is None else min(only, most))


def _without_waiting(path: str, flags: int) -> int:
    """Open without waiting for a pipe's writer (Windows has no such pipes)."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def inflate(data: bytes | memoryview, most: int) -> bytes:
    """Decompress zlib ``data``.

    Raises ValueError when it is damaged, incomplete, or expands to more than ``most`` bytes: a small crafted
    file could otherwise fill the memory.
    """
    unpacker = zlib.decompressobj()
    try:
        whole = unpacker.decompress(data, most)
    except zlib.error as error:
        raise ValueError(f"cannot be unpacked ({error})") from error
    if not unpacker.eof:
        raise ValueError(f"cannot be unpacked (incomplete, or more than {most} bytes)")
    return whole


@contextmanager
def open_atomically(path: Path, synced: bool = True) -> Iterator[IO[bytes]]:
    """Open a new file that replaces ``path`` once it is complete.

    Readers see either the old file or the new one, even after a kill or on a full disk. The file is written
    beside ``path`` (as ``.NAME.*.new``), flushed to disk unless ``synced`` is false, and renamed. It gets the
    permissions of the file it replaces. If anything fails, it is removed and ``path`` does not change. Raises
    OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{UNFINISHED}")
    try:
        with fresh.open("wb") as file:
            yield file
            if synced:
                _sync(file)
        with suppress(FileNotFoundError):
            shutil.copymode(path, fresh)
        fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes, synced: bool = True) -> None:
    """Write ``data`` to ``path`` atomically, as ``open_atomically`` does. Raises OSError."""
    with open_atomically(path, synced) as file:
        file.write(data)


def remove_unfinished(folder: Path) -> None:
    """Remove files that killed processes left in ``folder`` within ``open_atomically``.

    No process may be writing there. Raises OSError.
    """
    for path in folder.glob(".*" + UNFINISHED):
        if path.is_file():
            path.unlink(missing_ok=True)


def write_synced(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, not atomically, and flush it to disk. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        _sync(file)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as indented JSON, atomically. Raises OSError."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def append_json_line(path: Path, row: Mapping[str, Any]) -> None:
    """Append one row to a JSON-lines file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


@contextmanager
def disk_may_refuse(path: Path) -> Iterator[None]:
    """Turn an OSError inside into a warning, for files that a run can do without.

    Each ``path`` is reported once, until it can be written again.
    """
    try:
        yield
    except OSError as error:
        if path not in _refused:
            print(f"warning: {path} cannot be written: {error.strerror}; the run continues", file=sys.stderr)
        _refused.add(path)
    else:
        _refused.discard(path)
