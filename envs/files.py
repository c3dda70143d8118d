"""Reading files that others made, and writing files so that they are whole or not there."""

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
"""How the names of files end that are not whole yet."""
_refused: set[Path] = set()


def read_plain(path: Path, most: int, only: int | None = None) -> bytes:
    """The bytes of the plain file ``path``, or its first ``only``.

    A pipe would be waited for, and a device such as /dev/zero (to which a link in a folder of a stranger may
    lead) read for ever: they are refused, as are more than ``most`` bytes. Raises OSError, whose strerror
    says which.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"{status.st_size} bytes are too many, at most {most}")
        return file.read(most if only is None else min(only, most))


def _without_waiting(path: str, flags: int) -> int:
    """Opening a pipe waits for who writes to it, unless asked not to (Windows has no such pipes)."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def inflate(data: bytes | memoryview, most: int) -> bytes:
    """What zlib packed into ``data``. Raises ValueError when it is damaged, ends too early, or is more than
    ``most`` bytes, which little of a stranger's would become."""
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
    """A new file that takes the place of ``path`` when it is whole: a reader, and whoever comes after a kill
    or a full disk, finds the old file or the new one.

    It is written beside ``path`` (as ``.NAME.*.new``), flushed to disk unless ``synced`` is false, and
    renamed; it has the permissions of the file it replaces. When anything fails, it is removed and ``path``
    untouched. Raises OSError.
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
    """Put ``data`` at ``path``, whole or not at all, as ``open_atomically`` does. Raises OSError."""
    with open_atomically(path, synced) as file:
        file.write(data)


def remove_unfinished(folder: Path) -> None:
    """Remove the files that processes left in ``folder`` when they were killed within ``open_atomically``.
    Nobody may be writing there now. Raises OSError."""
    for path in folder.glob(".*" + UNFINISHED):
        if path.is_file():
            path.unlink(missing_ok=True)


def write_synced(path: Path, data: bytes) -> None:
    """Write ``data`` where nobody reads yet, and wait until the disk has it. Raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        _sync(file)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as indented JSON: a reader sees the old file or the new one. Raises OSError."""
    write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def append_json_line(path: Path, row: Mapping[str, Any]) -> None:
    """Add one row to a JSON-lines file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


@contextmanager
def disk_may_refuse(path: Path) -> Iterator[None]:
    """What a run can do without: an OSError inside becomes a warning, one for each ``path`` until it works
    again, and the run goes on."""
    try:
        yield
    except OSError as error:
        if path not in _refused:
            print(f"warning: {path} cannot be written: {error.strerror}; the run goes on", file=sys.stderr)
        _refused.add(path)
    else:
        _refused.discard(path)
