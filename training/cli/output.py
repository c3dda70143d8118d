"""The end of a program: its exit status, also if nobody reads its output any more.

Uses only the standard library, so that the doctor runs without packages.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from typing import NoReturn, TextIO

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
        if stream is not None and _is_closed(stream):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            gone = True
    return gone


def _is_closed(stream: TextIO) -> bool:
    """Whether ``stream`` is a pipe that nobody reads any more."""
    try:
        stream.flush()
        end = stream.fileno()
    except BrokenPipeError:
        return True
    except (OSError, ValueError):  # closed by the program, or no file of the system
        return False
    if not hasattr(select, "poll"):
        return False
    waiting = select.poll()  # what could not be written may be lost already, so that a flush succeeds
    waiting.register(end, select.POLLOUT)
    return any(events & select.POLLERR for _, events in waiting.poll(0))
