"""Programs of training/ in processes that were just forked, and a Popen that forks them.

Sweeps and soaks start a trainer for every trial or fault: an interpreter that imports torch, four CPU seconds
each. A sweep or a soak that was forked itself has imported everything, and its trainers can be forks of it.
Boards start theirs as files, with the same code as a sweep: a process that has played evaluations, with
workers and the threads of torch, cannot be forked.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.util import _exit_function
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, NoReturn

from training.cli.parsing import run_program

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_here(program: str, flags: Sequence[str], before: str = "") -> NoReturn:
    """Run ``training/PROGRAM.py`` in this process, which was forked for it, to the process's end; first
    ``before``, which is code."""
    status: Any = 70
    try:
        exec(before, {})  # one scope, as that of a module
        sys.argv = [program, *flags]
        run_program(importlib.import_module(f"training.{program}").main)
    except SystemExit as left:
        status = left.code or 0
    except BaseException:
        traceback.print_exc()
    _exit_function()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Job:
    """What the sweeps and soaks use of ``subprocess.Popen``, for a command that starts a program of
    training/."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdout: IO[bytes],
        stderr: IO[bytes] | int,
        stdin: int | None = None,
        env: Mapping[str, str] | None = None,
        start_new_session: bool = False,
        preexec_fn: Callable[[], None] | None = None,
    ) -> None:
        assert command[0] == sys.executable and Path(command[1]).is_file(), "what would start otherwise"
        self.returncode: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            if start_new_session:
                os.setsid()
            if preexec_fn is not None:
                preexec_fn()
            self._redirect(stdout, stderr)
            os.environ.update(env or {})
            run_here(Path(command[1]).stem, command[2:])

    @staticmethod
    def _redirect(stdout: IO[bytes], stderr: IO[bytes] | int) -> None:
        """Give this process, the child, the signals and files that a new interpreter would have."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(stdout.fileno(), 1)
        os.dup2(1 if isinstance(stderr, int) else stderr.fileno(), 2)
        os.closerange(3, 256)

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float = float("inf")) -> int:
        """The exit status, once it has ended. Raises subprocess.TimeoutExpired."""
        end = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a forked program", timeout)
            time.sleep(0.02)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def fork_jobs_of(*modules: str) -> None:
    """Let the Popen of these modules fork."""
    for name in modules:
        names = {name: getattr(subprocess, name) for name in ("STDOUT", "DEVNULL", "TimeoutExpired")}
        importlib.import_module(name).subprocess = SimpleNamespace(Popen=Job, **names)  # type: ignore[attr-defined]
