"""File locks that end with their process, however it ends: on Linux, macOS and Windows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import IO

from filelock import lock_descriptor

TRIES, APART = 5, 0.01
"""How often a lock is tried, and the seconds between: who asks whether it is held takes it for a moment."""


def take_lock(path: Path) -> IO[bytes] | None:
    """Make the file if need be and lock it, until it is closed or the process ends; None: another holds it.

    Raises OSError when the file cannot be opened for writing, or cannot be locked at all.
    """
    file = path.open("ab")
    try:
        if _try_lock(file):
            return file
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock; False where there is no such file or it cannot be read."""
    try:
        with path.open("rb") as file:
            return not _try_lock(file)
    except OSError:
        return False


def _try_lock(file: IO[bytes]) -> bool:
    for attempt in range(TRIES):
        if lock_descriptor(file.fileno(), blocking=False):
            return True
        if attempt + 1 < TRIES:
            time.sleep(APART)
    return False
