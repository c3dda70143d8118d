"""Parent-side handle of a worker process: start it, send requests, receive with a timeout, kill it."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.context
import pickle
import sys
from collections.abc import Iterator
from multiprocessing.util import Finalize
from types import ModuleType
from typing import Any

from envs.errors import UserError
from envs.workers.channel import pair
from envs.workers.worker import ERROR, WorkerSpec, run

START_TIMEOUT = 60.0
"""Seconds a worker may take to import, create its environments and answer (a cold disk is slow)."""
SLICES = 8


class WorkerLost(Exception):
    """The process died or did not answer in time, as the message says."""


class WorkerFailed(RuntimeError):
    """An environment raised in a worker; the message is the worker's traceback, the cause its exception."""


def worker_context() -> multiprocessing.context.BaseContext:
    """Return the context that starts workers: forked from a server that preloads all they need, not torch."""
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if hasattr(context, "set_forkserver_preload"):
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


class WorkerProcess:
    """One child process running ``envs.workers.worker.run``."""

    def __init__(self, context: multiprocessing.context.BaseContext, number: int, spec: WorkerSpec) -> None:
        self.number = number
        ours, theirs = pair()
        self._channel = ours
        self._process = context.Process(  # type: ignore[attr-defined]
            target=run, args=(theirs, spec), name=f"emulators-{number}", daemon=True
        )
        with _without_main_module():
            self._process.start()
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
        self._process.kill()
        self._process.join()
        self._channel.close()

    def hang_up(self) -> None:
        """Close the channel, which makes the worker close its environments and exit."""
        self._channel.close()

    def collect(self, timeout: float) -> None:
        """Join it; kill it after ``timeout`` seconds."""
        self._process.join(timeout)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _exception(number: int, error: Exception | None, fatal: bool, text: str) -> Exception:
    if isinstance(error, UserError):
        return error
    if error is not None and not fatal:
        error.add_note(text)
        return error
    failed = WorkerFailed(f"an environment of worker {number} failed:\n{text}")
    failed.__cause__ = error
    return failed
