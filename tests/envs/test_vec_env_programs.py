"""Tests of programs that use EmulatorVecEnv: workers and shared memory end with them, however they end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.envs.transitions import gone
from tests.paths import ROOT


def shared_segments(pid: int) -> set[Path]:
    """The shared memory segments a process currently maps."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {Path(line.split()[5]) for line in lines if "/dev/shm/" in line}


PROGRAM = """
import stable_baselines3.common.vec_env, sys, time
from envs.vec_env import EmulatorVecEnv
from envs.workers.pool import split
from envs.game_boy.emulator import Emulator
from envs.game.catalog import EMBEDDED_ROM, identify
from envs.observations import Observations
from envs.red_env import EnvConfig, RedEnv
from envs.start_library import start_state
from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack

class Env(RedEnv):
    def modules(self):
        import sys
        return sorted({"torch", "stable_baselines3", "matplotlib"} & sys.modules.keys())

game = identify(EMBEDDED_ROM)
config = EnvConfig(game, start_state(game, "bedroom"))
make = lambda: Env(Emulator(game.rom), RewardStack(DEFAULT_COEFFICIENTS), Observations(), config)
env = EmulatorVecEnv([make] * 2, workers=2)
stable_baselines3.common.vec_env.VecMonitor(env).reset()
print(env.env_method("modules"), *env.worker_pids, flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[[float], tuple[subprocess.Popen[str], str, list[int]]]:
    """program(seconds): PROGRAM as a process, the modules its workers imported, and their process IDs."""

    def start(seconds: float) -> tuple[subprocess.Popen[str], str, list[int]]:
        script = tmp_path / "program.py"
        script.write_text(PROGRAM)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, str(script), str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        modules, *numbers = process.stdout.readline().rsplit(maxsplit=2)
        return process, modules, [int(number) for number in numbers]

    return start


def test_workers_do_not_import_torch_and_end_with_their_parent(program: Any) -> None:
    """Even though the program imports torch first and has no ``__main__`` guard."""
    process, modules, pids = program(60)
    segments = shared_segments(process.pid)
    assert modules == "[[], []]"
    assert segments, "there is shared memory that could be left behind"
    process.kill()
    process.communicate()
    assert gone(pids)
    assert not [segment for segment in segments if segment.exists()]


def test_a_program_that_forgets_to_close_ends_with_its_workers(program: Any) -> None:
    process, _, pids = program(0)
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert gone(pids)
