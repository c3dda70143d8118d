"""Tests of a short soak: a few faults in a row, and all checks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.forked import SOAK_JOBS, Forker

pytestmark = pytest.mark.slow


def test_a_short_soak_holds(tmp_path: Path, forker: Forker) -> None:
    flags = ("--minutes", 0.25, "--every", 2, "--keep", tmp_path / "kept")
    done = forker.start(*flags, program="fault_injection.__main__", before=SOAK_JOBS)
    assert done.wait(900) == 0, done.shown + done.errors
    assert "FAIL" not in done.shown
    assert "processes left: 0" in done.shown
    assert sum(int(times) for times in re.findall(r"^  \S.*  (\d+)$", done.shown, re.MULTILINE)) >= 1
    assert (tmp_path / "kept" / "soak" / "checkpoints").is_dir()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--minutes", "0"], "--minutes 0.0 is out of range: must be above 0"),
        (["--every", "-1"], "--every -1.0 is out of range"),
        (["--keep", "."], "--keep .: exists already"),
    ],
)
def test_mistakes_are_one_line(refused: Callable[..., str], flags: list[str], line: str) -> None:
    assert line in refused("fault_injection.__main__", *flags)
