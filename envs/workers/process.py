"""A worker as its parent sees it: start it, send, receive within a time, kill it."""

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
"""Seconds a worker may take to import, make its environments and answer (a cold disk is slow)."""
SLICES = 8


class WorkerLost(Exception):
    """The process died or did not answer in time; the message says which."""


class WorkerFailed(RuntimeError):
    """An environment raised in a worker; the worker's traceback is the message, the exception the cause."""


def worker_context() -> multiprocessing.context.BaseContext:
    """How workers are started: forked from a server that has imported what they need, and no torch."""
    context = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    if hasattr(context, "set_forkserver_preload"):
        context.set_forkserver_preload(["envs.workers.worker", "envs.red_env", "rewards.stack"])
    return context


@contextlib.contextmanager
def _without_main_module() -> Iterator[None]:
    """Keep children from importing the program again: cloudpickle sends by value what they need of it, and
    its imports (torch, most of the time) would cost each of them seconds and 200 MB."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class WorkerProcess:
    """One child process running ``envs.workers.worker.run``."""

    def __init__(self, context: multiprocessing.context.BaseContext, number: int, task: WorkerSpec) -> None:
        self.number = number
        ours, theirs = pair()
        self._channel = ours
        self._process = context.Process(  # type: ignore[attr-defined]
            target=run, args=(theirs, task), name=f"emulators-{number}", daemon=True
        )
        with _without_main_module():
            self._process.start()
        theirs.close()
        # A program that ends without close(): the workers must end before multiprocessing, at its own exit,
        # sends them SIGTERM, which they ignore, and waits.
        Finalize(self, ours.close, exitpriority=1)

    @property
    def pid(self) -> int:
        """Process id."""
        return int(self._process.pid or 0)

    def wait_ready(self) -> None:
        """Until its environments exist. Raises UserError, WorkerFailed, WorkerLost."""
        self.receive(START_TIMEOUT)

    def step(self, group: int, buffer: int) -> None:
        """Ask for a step of ``group`` into ``buffer``; a dead worker shows when its answer is awaited."""
        self._send(bytes((group, buffer)))

    def ask(self, name: str, *arguments: Any) -> None:
        """Ask for a method of ``envs.workers.worker.Worker``."""
        self._send(pickle.dumps((name, arguments)))

    def _send(self, message: bytes) -> None:
        # A dead worker is found out by receive(), and its last words with it.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._channel.send(message)

    def receive(self, timeout: float) -> Any:
        """The next answer: None, infos by environment, or a request's result.

        Raises WorkerLost when the worker is dead or does not answer in ``timeout`` seconds, the UserError
        that an environment raised, a request's own exception, and WorkerFailed for any other that ended the
        worker.
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
        # In slices: when this program itself was stopped (Ctrl-Z, a suspended machine), it costs one of them.
        return any(self._channel.has_message(timeout / SLICES) for _ in range(SLICES))

    def kill(self) -> None:
        """At once, also when it is stopped; then collect it."""
        self._process.kill()
        self._process.join()
        self._channel.close()

    def hang_up(self) -> None:
        """Tell it to close its environments and end."""
        self._channel.close()

    def collect(self, timeout: float) -> None:
        """Wait for its end; kill it after ``timeout`` seconds."""
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
