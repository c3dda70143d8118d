"""Where the program that waits for workers goes on: on the core of the worker that is ahead.

The last worker to end its step wakes the program, and most systems let it go on where that worker runs, which
has to wait although it is behind already. The worker that is ahead then soon has nothing to do, and its core
idles for some milliseconds, until the system's clock notices: one part in twenty of two cores.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing.context
import os
import time
from collections.abc import Callable, Sequence


def _asks_for_core() -> Callable[[], int] | None:
    """The C library's sched_getcpu(); None where there is none, or where a core cannot be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    ask: Callable[[], int] | None = getattr(ctypes.CDLL(None), "sched_getcpu", None)
    return ask


_this_core = _asks_for_core()


class Cores:
    """When and on which core each of ``workers`` processes of ``context`` ended its last step.

    Shared between them; can be given to a process as it is started.
    """

    def __init__(self, context: multiprocessing.context.BaseContext, workers: int) -> None:
        self._ends: ctypes.Array[ctypes.c_double] = context.RawArray(ctypes.c_double, 2 * workers)

    def note(self, worker: int) -> None:
        """In worker number ``worker``: its step ended now, and here."""
        if _this_core is not None:
            self._ends[2 * worker] = time.monotonic()  # one clock for all processes
            self._ends[2 * worker + 1] = _this_core()

    def follow(self, workers: Sequence[int]) -> None:
        """In the program, when ``workers`` have all ended a step: go to the core of the first one where
        this is the core of the last one, and another.

        The calling thread may run afterwards wherever it was allowed to before.
        """
        if _this_core is None or len(workers) < 2:
            return
        ends = sorted((self._ends[2 * worker], int(self._ends[2 * worker + 1])) for worker in workers)
        first, last = ends[0][1], ends[-1][1]
        if first != last == _this_core():
            _go_to(first)


def _go_to(core: int) -> None:
    with contextlib.suppress(OSError):  # a core that was taken away, a system that forbids it: stay here
        allowed = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {core} & allowed or allowed)
        finally:
            os.sched_setaffinity(0, allowed)


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
