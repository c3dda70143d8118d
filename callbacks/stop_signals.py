"""SIGTERM and Ctrl-C as requests to stop in order."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self


class StopSignals:
    """Notes SIGTERM and SIGINT while it is entered; a second SIGINT raises KeyboardInterrupt: the user does
    not want to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.signal: str | None = None
        """The last signal that came, by name."""
        self._handlers: dict[int, Any] = {}

    def request(self, reason: str) -> None:
        """What to do about a signal; to be overridden."""
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
