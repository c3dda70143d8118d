"""Tests of a short soak: a few faults in a row, and all checks."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.slow


def test_a_short_soak_holds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training.fault_injection", "--minutes", "0.4", "--every", "2"]
    done = subprocess.run(
        [*command, "--keep", tmp_path / "kept"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    assert "processes left: 0" in done.stdout
    assert sum(int(times) for times in re.findall(r"^  \S.*  (\d+)$", done.stdout, re.MULTILINE)) >= 1
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
