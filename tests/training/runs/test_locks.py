"""Tests of the locks of runs."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.paths import ROOT
from training.runs.folder import LOCK, RunError, lock_run
from training.runs.locks import is_locked, take_lock

HOLD = """
import sys, time
from pathlib import Path
from training.runs.folder import lock_run
lock = lock_run(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def test_a_lock_is_held_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    lock = take_lock(path)
    assert lock is not None
    assert is_locked(path)
    assert take_lock(path) is None
    lock.close()
    assert not is_locked(path)
    with take_lock(path) or pytest.fail("the lock is free"):
        assert is_locked(path)


def test_a_process_that_is_killed_leaves_no_lock(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_locked(tmp_path / LOCK)
        with pytest.raises(RunError, match=f"run {tmp_path.name} is being trained by another process"):
            lock_run(tmp_path)
        holder.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK).exists(), "the file stays, but is not locked"
    assert not is_locked(tmp_path / LOCK)
    lock_run(tmp_path).close()


def test_checking_a_lock_never_prevents_taking_it(tmp_path: Path) -> None:
    """The history page checks every run's lock again and again while programs start."""
    path = tmp_path / "lock"
    path.touch()
    stop, seen = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            seen.append(is_locked(path))
            time.sleep(0.002)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    try:
        for _ in range(50):
            lock = take_lock(path)
            assert lock is not None
            lock.close()
    finally:
        stop.set()
        for thread in asking:
            thread.join()
    assert seen


def test_a_missing_or_unwritable_lock_file_is_an_error(tmp_path: Path) -> None:
    assert not is_locked(tmp_path / "gone" / LOCK)
    with pytest.raises(RunError, match="cannot be written: No such file or directory"):
        lock_run(tmp_path / "gone")
    (tmp_path / LOCK).mkdir()
    with pytest.raises(RunError, match="cannot be written: Is a directory"):
        lock_run(tmp_path)
