"""A terminal or a reader that goes away: runs go on or save, other programs end quietly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.training.conftest import TINY, environment
from tests.training.forked import Forker, wait_for
from tests.training.session.test_faults import newest, wait_for_steps
from training.checkpoints.writing import numbered_checkpoints, read_checkpoint

pytestmark = pytest.mark.slow
LASTING = "from envs.lasting_output import outlast_readers; outlast_readers()"
"""What train_ppo.py does at its start, and the forker for it."""


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config that trains until it is stopped."""
    path = tmp_path_factory.mktemp("terminal") / "endless.json"
    path.write_text(json.dumps({**TINY, "total_steps": 1_000_000, "step_timeout": 120}))
    return path


def test_a_run_goes_on_when_nobody_reads_what_it_prints(tiny: Path, runs: Path) -> None:
    """As with ``train_ppo.py ... 2>&1 | head -1``, whose reader ends after the first line."""
    command = [sys.executable, str(ROOT / "training" / "train_ppo.py"), "--config", str(tiny)]
    with subprocess.Popen(
        [*command, "--run-name", "unread"], cwd=ROOT, env=environment(runs),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"memory: ")
        process.stdout.close()
        assert process.wait(600) == 0
    assert json.loads((runs / "unread" / "summary.json").read_text())["finished"]
    assert read_checkpoint(runs / "unread" / "checkpoints" / "final").steps == TINY["total_steps"]


def test_a_run_saves_when_its_terminal_is_closed(forker: Forker, endless: Path, runs: Path) -> None:
    """The system sends SIGHUP to the run, its workers and the fork server, and refuses what they print."""
    ours, theirs = os.openpty()
    attach = f"""
import os
os.setsid()
terminal = os.open({os.ttyname(theirs)!r}, os.O_RDWR)
for number in range(3):
    os.dup2(terminal, number)
"""
    child = forker.start(
        "--config", endless, "--run-name", "closed", "--workers", 2, before=f"{attach}\n{LASTING}"
    )
    run = runs / "closed"
    wait_for(lambda: newest(run) >= 64 and bool(os.read(ours, 1000)))
    os.close(theirs)
    os.close(ours)
    assert child.wait() == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["stopped_by"] == "SIGHUP"
    saved = read_checkpoint(numbered_checkpoints(run / "checkpoints")[0])
    assert saved.steps == summary["steps"]


def test_a_run_under_nohup_goes_on_when_its_terminal_is_closed(
    forker: Forker, endless: Path, runs: Path
) -> None:
    ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    child = forker.start("--config", endless, "--run-name", "nohup", "--stop-after", 640, before=ignored)
    wait_for_steps(child, runs / "nohup", 64)
    child.kill(signal.SIGHUP)
    assert child.wait() == 0, child.errors
    assert newest(runs / "nohup") == 640
    assert json.loads((runs / "nohup" / "summary.json").read_text())["stopped_by"] == "--stop-after 640"


@pytest.mark.parametrize("arguments", [["train_ppo", "--help"], ["evaluate", "--help"], ["doctor", "--help"]])
def test_a_program_ends_quietly_when_its_reader_has_ended(runs: Path, arguments: list[str]) -> None:
    """``--help | head`` leaves a pipe that is closed at the other end."""
    read, write = os.pipe()
    os.close(read)
    name, *flags = arguments
    command = [sys.executable, str(ROOT / "training" / f"{name}.py"), *flags]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(runs), stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.stderr == ""
    assert done.returncode in (0, 141)
