"""The console command: its list, an unknown command, and that a command is its program."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from envs.installation import COMMANDS
from tests.paths import ROOT


def pokered(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "training.cli.pokered", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, cwd=ROOT)


@pytest.mark.parametrize("arguments", [[], ["--help"]], ids=["alone", "--help"])
def test_the_commands_are_listed_one_a_line(arguments: list[str]) -> None:
    done = pokered(*arguments)
    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed == list(COMMANDS)


def test_an_unknown_command_gets_one_line_with_the_nearest() -> None:
    done = pokered("trian", "--seed", "1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: 'trian' is not a command of pokered; did you mean train?\n"
    assert pokered("xyzzy").stderr.endswith("; see pokered --help\n")


def test_a_command_is_its_program_under_its_own_name() -> None:
    done = pokered("evaluate", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: pokered evaluate")
    wrong = pokered("train", "--gama", "1")
    assert wrong.returncode == 2
    assert wrong.stderr == "error: --gama is not a flag of pokered train; did you mean --gamma?\n"


def test_every_program_is_a_command() -> None:
    modules = [module for module, _ in COMMANDS.values()]
    assert [module for module in modules if find_spec(module) is None] == []
    programs = {f"training.{path.stem}" for path in (ROOT / "training").glob("*.py")}
    assert programs - {"training.__init__", "training.make_env"} <= set(modules)
