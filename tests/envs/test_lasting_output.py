"""Tests of output that does not depend on its reader: real pipes that are closed, full, or read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

LINES = 3000
PRINT = f"""
import sys
from envs.lasting_output import outlast_readers
outlast_readers()
for number in range({LINES}):
    print(number, "x" * 100, flush=number % 2 == 0, file=(sys.stdout, sys.stderr)[number % 3 == 0])
sys.stdout.flush()
open(sys.argv[1], "w").write("done")
"""


def start(code: str, path: Path, output: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)


def test_everything_arrives_in_order(tmp_path: Path) -> None:
    read, write = os.pipe()
    with start(PRINT, tmp_path / "done", write) as process:
        os.close(write)
        with os.fdopen(read) as reader:
            numbers = [int(line.split()[0]) for line in reader]
    assert process.returncode == 0
    assert numbers == list(range(LINES)), "of both streams, one after the other"


def test_a_reader_that_goes_away_does_not_end_the_program(tmp_path: Path) -> None:
    read, write = os.pipe()
    with start(PRINT, tmp_path / "done", write) as process:
        os.close(write)
        assert os.read(read, 1) == b"0"
        os.close(read)
    assert process.returncode == 0
    assert (tmp_path / "done").read_text() == "done"


def test_a_reader_that_reads_nothing_does_not_hold_up_the_program(tmp_path: Path) -> None:
    """A pipe takes 64 KiB: without a reader, print() would then wait for ever."""
    read, write = os.pipe()
    with start(PRINT, tmp_path / "done", write) as process:
        os.close(write)
        assert process.wait(60) == 0
    assert (tmp_path / "done").read_text() == "done"
    os.close(read)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_does_not_end_the_program(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full, start(PRINT, tmp_path / "done", full.fileno()) as process:
        assert process.wait(60) == 0
    assert (tmp_path / "done").read_text() == "done"


def test_it_is_a_stream_like_any_other(tmp_path: Path) -> None:
    code = """
import io, logging, sys, warnings
from envs.lasting_output import outlast_readers
outlast_readers()
assert (sys.stdout.fileno(), sys.stdout.isatty(), sys.stdout.writable()) == (1, False, True)
assert (sys.stdout.encoding, sys.stdout.errors) == (sys.__stdout__.encoding, sys.__stdout__.errors)
print("Pokémon")
logging.warning("a warning")
warnings.warn("another")
sys.stdout = io.StringIO()
outlast_readers()
assert isinstance(sys.stdout, io.StringIO), "no file of the system: left alone"
raise SystemExit("the end")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert (done.returncode, done.stdout.decode()) == (1, "Pokémon\n")
    errors = done.stderr.decode()
    assert "WARNING:root:a warning\n" in errors
    assert "UserWarning: another" in errors
    assert errors.endswith("the end\n")
