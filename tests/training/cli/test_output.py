"""Tests of the end of a program whose output is piped to one that ended first."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.paths import ROOT
from training.cli.output import INTERRUPTED, READER_GONE

PROGRAM = """
import sys
from training.cli.output import exit_with

def main():
    {}
    return 3

exit_with(main)
"""


def ended(body: str, stdout: int = subprocess.DEVNULL) -> tuple[int, str]:
    """Exit status and stderr of a program with ``body``."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body)], cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE,
        text=True, timeout=60, check=False, env={**os.environ, "PYTHONUNBUFFERED": ""},
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.fixture
def unread() -> int:
    """The end to write to of a pipe whose other end is closed."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("print('a line')", 3),
        ("print('a line', flush=True)", READER_GONE),
        ("[print('x' * 100) for _ in range(1000)]", READER_GONE),
        ("sys.stdout.write('x' * 100_000)", READER_GONE),
        ("print('help'); sys.exit(0)", 0),
        ("raise KeyboardInterrupt", INTERRUPTED),
    ],
)
def test_a_closed_pipe_is_no_reason_to_complain(unread: int, body: str, status: int) -> None:
    assert ended(body, unread) == (status, "")
    os.close(unread)


def test_another_broken_pipe_is_an_error_like_any_other() -> None:
    status, errors = ended("raise BrokenPipeError('of a worker')")
    assert status == 1
    assert "BrokenPipeError: of a worker" in errors
