"""The end of a program: its exit status, also if nobody reads its output any more.

Uses only the standard library, so that the doctor runs without packages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

INTERRUPTED, READER_GONE = 130, 141
"""Exit statuses after Ctrl-C and after a closed pipe: 128 plus the number of SIGINT and SIGPIPE."""


def exit_with(run: Callable[[], int]) -> NoReturn:
    """Exit with the status that ``run()`` returns, or READER_GONE, without a traceback, if its output was
    piped to a program that ended first (``--help | head``)."""
    try:
        status = run()
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:
        if not _release_closed_outputs():
            raise
        status = READER_GONE
    finally:
        _release_closed_outputs()
    sys.exit(status)


def _release_closed_outputs() -> bool:
    """Point stdout and stderr to the null device where their reader is gone; return whether one was.

    Python would otherwise complain about what it cannot flush at exit, and change the exit status to 120.
    """
    gone = False
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            gone = True
    return gone
