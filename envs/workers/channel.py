"""Messages between a program and a process that it started, each in as few calls of the system as there can
be: what multiprocessing's connections do in half of their time, which is spent for every step."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from struct import Struct

MOST = 1 << 16
"""Bytes that are read in one go."""
MILLISECONDS = 1000
_LENGTH = Struct("<I")


class Channel:
    """One end of a ``pair``: takes and gives messages of fewer than 2**32 bytes, in order.

    Can be given to a process as it is started. ``send`` and ``receive`` raise BrokenPipeError or
    ConnectionResetError when the other end is closed, or gone with its process.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._poll: Callable[[float], object] | None = None
        self._ahead = b""  # what was read beyond the last message

    def send(self, message: bytes) -> None:
        """Send it whole; waits while the other end has not taken what came before."""
        self._end.sendall(_LENGTH.pack(len(message)) + message)

    def receive(self, patience: float | None = None) -> bytes:
        """The next message; waits for its beginning, and up to ``patience`` seconds for more of what has
        begun. Raises EOFError too when the other end is closed, and TimeoutError, after which this end is of
        no further use.
        """
        data = self._ahead or self._read()
        while len(data) < _LENGTH.size:
            data += self._more(patience)
        end = _LENGTH.size + _LENGTH.unpack_from(data)[0]
        if len(data) < end:
            data = self._with_rest(data, end, patience)
        self._ahead = data[end:]
        return data[_LENGTH.size : end]

    def has_message(self, seconds: float) -> bool:
        """Whether one is there, or begins to come, or the other end is closed, within so many seconds."""
        return bool(self._ahead) or self._can_read(seconds)

    def close(self) -> None:
        """The other end is told, once it has received what was sent. May be called again."""
        self._end.close()

    def _with_rest(self, data: bytes, size: int, patience: float | None) -> bytes:
        parts, missing = [data], size - len(data)
        while missing > 0:
            parts.append(self._more(patience))
            missing -= len(parts[-1])
        return b"".join(parts)

    def _can_read(self, seconds: float) -> bool:
        if self._poll is None:
            self._poll = _poll(self._end)
        return bool(self._poll(seconds))

    def _more(self, patience: float | None) -> bytes:
        if patience is not None and not self._can_read(patience):
            raise TimeoutError
        return self._read()

    def _read(self) -> bytes:
        data = self._end.recv(MOST)
        if not data:
            raise EOFError
        return data


def pair() -> tuple[Channel, Channel]:
    """Two ends of one channel."""
    one, other = socket.socketpair()
    return Channel(one), Channel(other)


def _poll(end: socket.socket) -> Callable[[float], object]:
    """Something that waits until ``end`` can be read; made once where the system can do that."""
    if not hasattr(select, "poll"):
        return lambda seconds: select.select([end], [], [], seconds)[0]
    waiting = select.poll()
    waiting.register(end, select.POLLIN)
    return lambda seconds: waiting.poll(seconds * MILLISECONDS)
