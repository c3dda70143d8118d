"""Limits of the system that worker processes run into: processes, open files, shared memory.

Uses only the standard library, so that the doctor runs without packages.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from ctypes import c_uint8
from pathlib import Path
from typing import Any

from envs.errors import UserError

try:
    import resource

    HAS_LIMITS = True
except ImportError:  # Windows
    HAS_LIMITS = False

FILES_PER_WORKER = 3
"""Descriptors in this program: the channel, and both ends that multiprocessing keeps of a process's pipes."""
SPARE_FILES = 48
"""Descriptors for all else that a run opens: checkpoints, curves, the database of the run history."""
SPARE_TASKS = 8
"""Processes and threads beside the workers: the fork server and its resource tracker, the compiler that
PySDL2 starts to look for libraries, the progress bar."""
TASKS_PER_CORE = 2
"""Threads of an update, and of numpy in the fork server."""
STACK = 1 << 18  # bytes of a thread that only waits
PIDS_MAX = ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max")
"""Processes that a container may have: control groups version 2 and 1."""


class LimitReached(UserError):
    """The system has less than the workers need."""


def require_room(workers: int) -> None:
    """Raise LimitReached if the system does not allow the processes and open files of ``workers`` workers.

    Raises this process's limit of open files if that is too low and may be raised.
    """
    for problem in (missing_tasks(workers), missing_files(workers)):
        if problem is not None:
            raise LimitReached(problem)


def tasks_needed(workers: int, cores: int) -> int:
    """Processes and threads that a run with ``workers`` workers starts; the system counts them together."""
    return workers + SPARE_TASKS + TASKS_PER_CORE * cores


def tasks_allowed(wanted: int) -> int:
    """Start up to ``wanted`` threads that only wait, end them, and return how many the system allowed.

    Asking for them is the only test that holds: the limit counts all tasks of a user, some of which a
    container cannot see, and does not hold for root.
    """
    over, started = threading.Event(), []
    before = threading.stack_size(STACK)
    try:
        for _ in range(wanted):
            thread = threading.Thread(target=over.wait, daemon=True)
            thread.start()
            started.append(thread)
    except (RuntimeError, MemoryError):  # "can't start new thread"
        pass
    finally:
        threading.stack_size(before)
        over.set()
        for thread in started:
            thread.join()
    return len(started)


def missing_tasks(workers: int) -> str | None:
    """Return one line if the system does not allow the processes of ``workers`` workers, else None."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = tasks_needed(workers, cores)
    allowed = tasks_allowed(wanted)
    if allowed == wanted:
        return None
    fitting = workers - (wanted - allowed)
    advice = f"use --workers {fitting} or raise the limit" if fitting > 0 else "raise the limit"
    return (
        f"processes: {workers} workers need {wanted} processes and threads, the system allows"
        f" {allowed} more ({task_limit()}); {advice}"
    )


def task_limit() -> str:
    """Name the lowest known limit of processes and threads."""
    known: list[tuple[int, str]] = []
    if HAS_LIMITS:
        soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        if soft != resource.RLIM_INFINITY:
            known.append((soft, f"ulimit -u {soft}, for all processes of this user"))
    for path in PIDS_MAX:
        with contextlib.suppress(OSError, ValueError):
            most = int(Path(path).read_text("ascii"))
            known.append((most, f"pids.max {most} of the container"))
    return min(known)[1] if known else "no limit of user or container is known"


def missing_files(workers: int) -> str | None:
    """Return one line if this process may not open the files for ``workers`` workers, else None.

    Raises the soft limit as far as needed.
    """
    if not HAS_LIMITS:
        return None
    beside = _open_files() + SPARE_FILES
    needed = beside + FILES_PER_WORKER * workers
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard) or needed <= hard:
        if soft not in (resource.RLIM_INFINITY, hard) and soft < needed:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        return None
    fitting = (hard - beside) // FILES_PER_WORKER
    advice = f"use --workers {fitting} or raise the limit" if fitting > 0 else "raise the limit"
    return f"open files: {workers} workers need {needed}, the limit is {hard} (ulimit -n); {advice}"


def _open_files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return len(list(Path(folder).iterdir()))
    return 16


def share(size: int, context: Any = multiprocessing) -> Any:
    """Return ``size`` bytes of memory that can be passed to processes of ``context`` when they are started.

    Raises LimitReached if the system has no such memory.
    """
    try:
        return context.RawArray(c_uint8, size)
    except (OSError, MemoryError) as error:
        place = Path(getattr(error, "filename", None) or "/dev/shm/x").parent  # noqa: S108
        why = getattr(error, "strerror", None) or "out of memory"
        raise LimitReached(
            f"shared memory: {size:,} bytes for the workers cannot be had in {place}: {why}; make it"
            " writable and large enough (docker run --shm-size 256m)"
        ) from error
