"""Choice of the core on which the main program continues after a step: that of the fastest worker.

The last worker to finish its step wakes the program, and most systems continue it on that worker's core. That
worker then has to wait although it is already behind, while the fastest worker soon runs out of work and its
core idles for some milliseconds until the scheduler notices. On two cores this costs about 5 %.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing.context
import os
import time
from collections.abc import Callable, Sequence


def _find_sched_getcpu() -> Callable[[], int] | None:
    """The C library's sched_getcpu(); None where it is missing or affinity cannot be set."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    function: Callable[[], int] | None = getattr(ctypes.CDLL(None), "sched_getcpu", None)
    return function


_this_core = _find_sched_getcpu()


class Cores:
    """Time and core at which each of ``workers`` processes of ``context`` finished its last step.

    Lives in shared memory; can be passed to a process when it is started.
    """

    def __init__(self, context: multiprocessing.context.BaseContext, workers: int) -> None:
        self._ends: ctypes.Array[ctypes.c_double] = context.RawArray(ctypes.c_double, 2 * workers)

    def note(self, worker: int) -> None:
        """Record, in worker number ``worker``, that its step finished now and on this core."""
        if _this_core is not None:
            self._ends[2 * worker] = time.monotonic()  # one clock for all processes
            self._ends[2 * worker + 1] = _this_core()

    def follow(self, workers: Sequence[int]) -> None:
        """Move the main program to the core of the first worker that finished, if it runs on the last one's.

        Call it when all ``workers`` have finished a step. Does nothing when both cores are the same. The
        affinity of the calling thread is the same afterwards as before.
        """
        if _this_core is None or len(workers) < 2:
            return
        ends = sorted((self._ends[2 * worker], int(self._ends[2 * worker + 1])) for worker in workers)
        first, last = ends[0][1], ends[-1][1]
        if first != last == _this_core():
            _go_to(first)


def _go_to(core: int) -> None:
    with contextlib.suppress(OSError):  # the core was taken away, or the system forbids it: stay here
        allowed = os.sched_getaffinity(0)
        try:
            os.sched_setaffinity(0, {core} & allowed or allowed)
        finally:
            os.sched_setaffinity(0, allowed)


def available_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
