"""Parent-side handle of a worker process: start it, send requests, receive with a timeout, kill it."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.context
import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.util import Finalize
from threading import Timer
from types import ModuleType
from typing import Any

from envs.errors import ProgramError, UserError
from envs.workers.channel import pair
from envs.workers.limits import LimitReached
from envs.workers.worker import ERROR, WorkerSpec, run

START_TIMEOUT = 60.0
"""Seconds a worker may take to import, create its environments and answer (a cold disk is slow)."""
START_VARIABLE = "POKERED_START_METHOD"
SLICES = 8
UNKNOWN = 255
"""multiprocessing's exit code of a process whose fork server has died."""


class WorkerLost(Exception):
    """The process died or did not answer in time, as the message says."""


class WorkerFailed(ProgramError):
    """An environment raised in a worker, or a worker died again and again.

    The message is the worker's traceback, with its exception as the cause, or says how the worker died.
    """


def start_method() -> str:
    """Return how workers are started: $POKERED_START_METHOD, or "forkserver" on Linux and "spawn" elsewhere.

    macOS has fork servers too, but its frameworks may crash in forked processes
    (https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods). Raises UserError for
    another method: "fork" would copy torch's threads.
    """
    usual = "forkserver" if sys.platform == "linux" else "spawn"
    chosen = os.environ.get(START_VARIABLE) or usual
    possible = [name for name in multiprocessing.get_all_start_methods() if name != "fork"]
    if chosen not in possible:
        raise UserError(f"{START_VARIABLE} {chosen} must be {' or '.join(possible)}")
    return chosen


def worker_context() -> multiprocessing.context.BaseContext:
    """Return the context that starts workers; a fork server preloads all that they need, but not torch."""
    context = multiprocessing.get_context(start_method())
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(["envs.workers.worker", "envs.red_env", "rewards.stack"])
    return context


@contextlib.contextmanager
def _without_main_module() -> Iterator[None]:
    """Keep child processes from importing the main program again.

    cloudpickle sends what they need of it by value; its imports (usually torch) would cost each child seconds
    and 200 MB.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _kill_fork_server() -> None:
    from multiprocessing.forkserver import _forkserver  # absent on Windows

    pid = getattr(_forkserver, "_forkserver_pid", None)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def _within_start_timeout(method: str) -> Iterator[None]:
    """Kill the fork server after START_TIMEOUT: the start of a process then fails instead of waiting for it,
    and the next one starts another server."""
    if method != "forkserver":
        yield
        return
    timer = Timer(START_TIMEOUT, _kill_fork_server)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class WorkerProcess:
    """One child process running ``envs.workers.worker.run``. Raises WorkerLost if it cannot be started."""

    def __init__(self, context: multiprocessing.context.BaseContext, number: int, spec: WorkerSpec) -> None:
        self.number = number
        self._method = context.get_start_method()
        try:
            ours, theirs = pair()
        except OSError as error:
            raise WorkerLost(f"could not be started ({error.strerror})") from error
        self._channel = ours
        self._process = context.Process(  # type: ignore[attr-defined]
            target=run, args=(theirs, spec), name=f"emulators-{number}", daemon=True
        )
        try:
            with _without_main_module(), _within_start_timeout(self._method):
                self._process.start()
        except (
            OSError,
            EOFError,
            RuntimeError,
        ) as error:  # no more processes, the fork server died, no thread
            ours.close()
            raise WorkerLost(f"could not be started ({_reason(error)})") from error
        finally:
            theirs.close()
        # If the program ends without close(), the workers must end before multiprocessing's exit handler
        # sends them SIGTERM, which they ignore, and waits for them.
        Finalize(self, ours.close, exitpriority=1)

    @property
    def pid(self) -> int:
        """Process id."""
        return int(self._process.pid or 0)

    def wait_ready(self) -> None:
        """Wait until its environments exist. Raises UserError, WorkerFailed, WorkerLost."""
        self.receive(START_TIMEOUT)

    def step(self, group: int, buffer: int) -> None:
        """Request a step of ``group`` into ``buffer``; a dead worker is noticed in ``receive``."""
        self._send(bytes((group, buffer)))

    def ask(self, name: str, *arguments: Any) -> None:
        """Request a call of a method of ``envs.workers.worker.Worker``."""
        self._send(pickle.dumps((name, arguments)))

    def _send(self, message: bytes) -> None:
        # receive() notices a dead worker, and reads what it sent last.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._channel.send(message)

    def receive(self, timeout: float) -> Any:
        """Return the next answer: None, infos by environment, or a request's result.

        Raises WorkerLost when the worker is dead or does not answer within ``timeout`` seconds, the UserError
        an environment raised, a request's own exception, and WorkerFailed for any other exception that ended
        the worker.
        """
        try:
            if not self._has_answer(timeout):
                raise WorkerLost(f"did not answer for {timeout:g} s")
            message = self._channel.receive(timeout)
        except TimeoutError:
            raise WorkerLost(f"stopped in the middle of an answer for {timeout:g} s") from None
        except (EOFError, ConnectionResetError, BrokenPipeError):
            self._process.join(1.0)
            raise WorkerLost(f"died (exit code {self._process.exitcode})") from None
        content: Any = pickle.loads(message[1:]) if len(message) > 1 else None  # noqa: S301 - our own child's
        if message[:1] == ERROR:
            error, fatal, text = content
            raise _exception(self.number, error, fatal, text)
        return content

    def _has_answer(self, timeout: float) -> bool:
        # In slices: if this program itself was stopped (Ctrl-Z, a suspended machine), only one slice is lost.
        return any(self._channel.has_message(timeout / SLICES) for _ in range(SLICES))

    def kill(self) -> None:
        """Kill it at once, even if it is stopped, and join it."""
        self._kill()
        self._channel.close()

    def _kill(self) -> None:
        self._process.kill()
        self._process.join()
        if self._server_died:  # kill() may have done nothing
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    @property
    def _server_died(self) -> bool:
        return self._method == "forkserver" and self._process.exitcode == UNKNOWN

    def hang_up(self) -> None:
        """Close the channel, which makes the worker close its environments and exit."""
        self._channel.close()

    def collect(self, timeout: float) -> None:
        """Join it; kill it after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        self._process.join(timeout)
        while self._server_died and _exists(self.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._process.is_alive() or self._server_died:
            self._kill()


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError | BrokenPipeError | ConnectionError):
        return "the fork server died"
    return getattr(error, "strerror", None) or str(error)


def _exception(number: int, error: Exception | None, fatal: bool, text: str) -> Exception:
    if isinstance(error, UserError):
        return error
    if isinstance(error, MemoryError) and fatal:
        return LimitReached(f"memory: worker {number} cannot have what its environments need; use fewer")
    if error is not None and not fatal:
        error.add_note(text)
        return error
    failed = WorkerFailed(f"an environment of worker {number} failed:\n{text}")
    failed.__cause__ = error
    return failed
