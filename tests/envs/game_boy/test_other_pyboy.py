"""Tests with the other supported version of PyBoy: `make test` installs 2.7.0 beside 2.8.1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envs.game_boy.emulator import VERSION
from tests.paths import ROOT

OTHER = Path(sys.prefix) / "pyboy-2.7"
HERE, THERE = VERSION, "pyboy-2.7.0"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (OTHER / ".installed").exists(), reason="`make test` installs it"),
    pytest.mark.skipif(VERSION == THERE, reason="this is the other version"),
]
# Tests of what depends on the emulator: memory, states and their checks, exact snapshots, whole episodes.
FILES = (
    "game_boy/test_emulator",
    "game_boy/test_state_check",
    "start_states/test_state_files",
    "test_start_library",
    "test_red_env",
    "test_snapshots",
    "test_vec_env",
)
MAKE = """
import sys
from pathlib import Path
from envs.game_boy.emulator import BUTTONS, VERSION, Emulator
from envs.game.catalog import EMBEDDED_ROM, identify
from envs.start_library import start_state
from envs.start_states.state_files import read_state_file

def describe(machine):
    work = bytes(machine.memory[0xC000:0xE000])
    return [VERSION, work.hex(), bytes(machine.memory[0x8000:0xA000]).hex()]

game, path = identify(EMBEDDED_ROM), Path(sys.argv[2])
with Emulator(EMBEDDED_ROM) as machine:
    if sys.argv[1] == "make":
        machine.load_state(start_state(game, "route1").data)
        for number in range(60):
            machine.act(BUTTONS[number * 5 % 7])
        path.write_bytes(machine.save_state())
        print(*describe(machine))
    else:
        start = read_state_file(game, path)
        machine.load_state(start.data)
        before = describe(machine)
        for button in ("b", "b", "up", "down", "left"):
            machine.act(button)
        print(*before, start.provenance["converted_from"].replace(" ", "-"), describe(machine) != before)
"""


def environment(version: str) -> dict[str, str]:
    """Environment variables of a program that uses ``version`` and is not part of this pytest run."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {**plain, "PYTHONPATH": os.pathsep.join([str(OTHER)] * (version == THERE) + [str(ROOT)])}


def play(version: str, *arguments: str) -> list[str]:
    """The words printed by MAKE."""
    command = [sys.executable, "-c", MAKE, *arguments]
    done = subprocess.run(
        command, env=environment(version), cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_emulator_tests_pass_with_the_other_version() -> None:
    files = [f"tests/envs/{name}.py" for name in FILES]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files]
    done = subprocess.run(
        command, env=environment(THERE), cwd=ROOT, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize(("made_by", "read_by"), [(HERE, THERE), (THERE, HERE)])
def test_a_state_of_one_version_continues_in_the_other(made_by: str, read_by: str, tmp_path: Path) -> None:
    path = str(tmp_path / "a.state")
    made = play(made_by, "make", path)
    read = play(read_by, "read", path)
    assert (made[0], read[0]) == (made_by, read_by)
    assert read[1:3] == made[1:3], "work RAM and video RAM are the same"
    assert read[3] == ("PyBoy-2.8" if made_by == HERE else "PyBoy-2.6-or-2.7")
    assert read[4] == "True", "the game continues"
