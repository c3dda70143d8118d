"""Handles SIGTERM, Ctrl-C and a closed terminal as requests to stop cleanly."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self


def stopping_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that ask this process to stop: without SIGHUP if the process ignores it (nohup)."""
    hang_up = getattr(signal, "SIGHUP", None)  # Windows has none
    if hang_up is None or signal.getsignal(hang_up) == signal.SIG_IGN:
        return signal.SIGTERM, signal.SIGINT
    return signal.SIGTERM, signal.SIGINT, hang_up


class StopSignals:
    """Context manager that turns SIGTERM, SIGINT and SIGHUP into ``request``.

    SIGHUP, which a terminal sends when it is closed, stays ignored where nohup ignores it. A second signal
    that is SIGINT raises KeyboardInterrupt: the user does not want to wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.signal: str | None = None
        """Name of the last signal received."""
        self._handlers: dict[int, Any] = {}

    def request(self, reason: str) -> None:
        """React to a signal; to be overridden."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        for number in stopping_signals():
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number).name
        self.request(self.signal)


class StopRequest(StopSignals):
    """Context manager that records whether SIGTERM, SIGINT or SIGHUP arrived; calling it returns that."""

    def __init__(self) -> None:
        super().__init__()
        self.reason: str | None = None

    def __call__(self) -> bool:
        return self.reason is not None

    def request(self, reason: str) -> None:
        """Request a stop for ``reason``."""
        self.reason = reason
