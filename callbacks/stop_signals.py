"""Handles SIGTERM and Ctrl-C as requests to stop cleanly."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self


class StopSignals:
    """Context manager that turns SIGTERM and SIGINT into ``request``.

    A second signal that is SIGINT raises KeyboardInterrupt: the user does not want to wait.
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
        for number in (signal.SIGTERM, signal.SIGINT):
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
