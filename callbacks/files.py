"""Files that are whole or not there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_refused: set[Path] = set()


def write_atomically(path: Path, data: bytes) -> None:
    """Writes ``data`` beside ``path``, flushes it to disk, and renames it into place. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
