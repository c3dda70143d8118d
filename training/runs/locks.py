"""File locks that end with their process, on Linux, macOS and Windows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import IO

from filelock import lock_descriptor

TRIES, APART = 5, 0.01
"""Number of attempts to take a lock, and seconds between them. ``is_locked`` holds the lock for a moment."""


def take_lock(path: Path) -> IO[bytes] | None:
    """Lock the file, creating it if needed, until it is closed or the process ends.

    Returns None if another process holds the lock. Raises OSError if the file cannot be opened for writing
    or locked at all.
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
    """Whether a process holds the lock; False if the file does not exist or cannot be read."""
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
