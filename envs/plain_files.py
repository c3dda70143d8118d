"""Reading files that others made: plain ones alone, and no more of them than there may be."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


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
