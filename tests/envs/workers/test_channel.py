"""Tests of the message channel between a program and its workers."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from envs.workers.channel import MOST, pair


def test_messages_of_every_size_arrive_whole_and_in_order() -> None:
    rng = np.random.default_rng(0)
    edges = [0, 1, 2, 3, MOST - 5, MOST - 4, MOST - 3, MOST, 3 * MOST + 1]
    sizes = edges + rng.integers(0, 200, 300).tolist()
    messages = [rng.bytes(size) for size in sizes + sizes[::-1]]
    ours, theirs = pair()
    sender = threading.Thread(target=lambda: [theirs.send(message) for message in messages])
    sender.start()
    assert [ours.receive() for _ in messages] == messages
    sender.join()
    assert not ours.has_message(0.0), "nothing is left over"


def test_has_message_counts_what_was_read_ahead() -> None:
    ours, theirs = pair()
    for message in (b"one", b"", b"three"):
        theirs.send(message)
    assert ours.receive() == b"one"
    for message in (b"", b"three"):
        assert ours.has_message(0.0)
        assert ours.receive() == message
    began = time.monotonic()
    assert not ours.has_message(0.2)
    assert time.monotonic() - began >= 0.19
    ours.send(b"back")
    assert theirs.receive() == b"back"


def test_a_closed_end_is_noticed_after_its_last_message() -> None:
    ours, theirs = pair()
    theirs.send(b"last words")
    theirs.close()
    assert ours.has_message(1.0)
    assert ours.receive() == b"last words"
    assert ours.has_message(1.0), "the closed end counts as readable"
    with pytest.raises((EOFError, ConnectionResetError)):
        ours.receive()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        ours.send(b"too late")


@pytest.mark.parametrize("sent", [b"\x09", b"\x09\x00\x00\x00half"])
def test_half_a_message_is_never_returned(sent: bytes) -> None:
    ours, theirs = pair()
    theirs._end.sendall(sent)
    theirs.close()
    with pytest.raises((EOFError, ConnectionResetError)):
        ours.receive()


@pytest.mark.parametrize("sent", [b"\x09", b"\x09\x00\x00\x00half"])
def test_receive_times_out_in_the_middle_of_a_message(sent: bytes) -> None:
    ours, theirs = pair()
    theirs._end.sendall(sent)
    assert ours.has_message(1.0)
    with pytest.raises(TimeoutError):
        ours.receive(timeout=0.2)
