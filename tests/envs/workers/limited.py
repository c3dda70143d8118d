"""Programs under real limits of the system: as a user whose processes are counted, or in own mounts."""

from __future__ import annotations

import functools
import getpass
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.paths import ROOT

USER = 50_000 + os.getpid() % 10_000
"""A user of this test alone, since the limit of processes counts all of a user's."""
FILES_MAY_BE_READ = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")


@functools.cache
def _other_user() -> tuple[str, ...]:
    """The command that drops root's rights except to read files, such as a Python in root's home."""
    command = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *FILES_MAY_BE_READ)
    try:
        done = subprocess.run([*command, sys.executable, "-c", "pass"], capture_output=True, check=False)
    except FileNotFoundError:
        return ()
    return command if done.returncode == 0 else ()


def with_processes(more: int) -> list[str]:
    """The command after which a program, and what it starts, may be ``more`` processes and threads."""
    if os.geteuid() == 0:  # whom no limit holds
        if not _other_user():
            pytest.skip("this machine lets root become nobody else")
        return [*_other_user(), "prlimit", f"--nproc={more}"]
    own = [process for process in psutil.process_iter(["username"]) if _owned(process)]
    return ["prlimit", f"--nproc={more + sum(_threads(process) for process in own)}"]


def _owned(process: psutil.Process) -> bool:
    return bool(process.info["username"] == getpass.getuser())


def _threads(process: psutil.Process) -> int:
    try:
        return process.num_threads()
    except psutil.Error:
        return 0


def with_read_only_shared_memory() -> list[str]:
    """The command after which a program cannot write to /dev/shm."""
    there = "mount --bind /dev/shm /dev/shm && mount -o remount,ro,bind /dev/shm"
    command = ["unshare", "--mount", "sh", "-c", f'{there} && exec "$@"', "sh"]
    done = subprocess.run([*command, "true"], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("this machine lets nobody mount anything")
    return command


def run(limits: list[str], code: str, home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python ``code`` under ``limits`` to its end."""
    command = [*limits, sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, timeout=300, check=False
    )
