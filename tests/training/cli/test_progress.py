"""Progress on stderr: a bar on a real terminal, a line now and then elsewhere, nothing for what is quick."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.paths import ROOT
from training.cli.progress import Progress, shown

SLOW = """
import time, training.cli.progress as progress
progress.DELAY = 0.2
for _ in progress.shown(range(20), "games", 20, "game"):
    time.sleep(0.1)
print("done")
"""


def test_a_line_tells_what_is_left() -> None:
    progress = Progress("first plays", 1000, "step")
    for _ in range(250):
        progress.step()
    assert progress.line(15.0) == "first plays: 250 of 1,000 steps, 00:45 left"


def test_lines_appear_at_most_so_often(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("quick", 5, "step") as progress:
        for _ in range(5):
            progress.step()
    assert capsys.readouterr().err == ""
    with Progress("often", 3, "step", every=0.0) as progress:
        for _ in range(3):
            progress.step()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"often: {n} of 3 steps" for n in (1, 2, 3)]
    assert lines[-1] == "often: 3 of 3 steps, 00:00 left"


def test_what_was_done_before_does_not_count_for_the_time_left() -> None:
    progress = Progress("training", 1000, "step")
    progress.begin_at(500)
    progress.reach(750)
    assert progress.line(15.0) == "training: 750 of 1,000 steps, 00:15 left"
    progress.reach(1010)
    assert progress.line(30.0).endswith("00:00 left"), "a last update may exceed the total"


def test_items_pass_through() -> None:
    assert list(shown("abc", "letters", 3, "letter")) == ["a", "b", "c"]


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudoterminals")
def test_a_terminal_gets_a_bar_which_is_gone_at_the_end() -> None:
    import termios

    main, other = os.openpty()
    termios.tcsetwinsize(other, (24, 80))  # a bar needs a place
    done = subprocess.run(
        [sys.executable, "-c", SLOW], stderr=other, stdout=subprocess.PIPE, text=True, cwd=ROOT, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.set_blocking(main, False)  # a bar that never appears must fail, not hang
    try:
        seen = os.read(main, 100_000).decode()
    except BlockingIOError:
        seen = ""
    os.close(other)
    os.close(main)
    assert done.returncode == 0
    assert "games" in seen and "20" in seen
    assert seen.rstrip(" ").endswith("\r")
