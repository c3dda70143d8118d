"""Training on a cluster whose machines fail, and what is said where there is none."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.ray_nodes import RayNodes
from training.checkpoints import read_checkpoint

from .conftest import ROOT, TINY, environment

with_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed; pip install -e '.[ray]'"
)
FIRST, SECOND, LATER = "127.0.0.3", "127.0.0.4", "127.0.0.5"
TINY_THERE = {**TINY, "workers": None, "num_envs": 4, "envs_per_actor": 2}
STEPS = 4096
# Eight seconds of the game to an action: slow enough for faults to fall in the middle on any machine.
FAULTS = {
    **TINY_THERE,
    "action_frames": 480,
    "total_steps": STEPS,
    "save_interval": 128,
    "ray": {"answer_timeout": 4.0, "start_timeout": 20.0, "retry_every": 0.5},
}
# The trainer as it is, which says at its end how many steps came to it.
COUNTING = """
import sys
from training.monitor import ClusterMonitor
wait, taken = ClusterMonitor.wait_group, 0
def counted(self, group):
    global taken
    result = wait(self, group)
    taken += sum("lost" not in info for info in result[3])
    return result
ClusterMonitor.wait_group = counted
from training.cli import run_program
from training.train_ppo import main
def run(arguments):
    status = main(arguments)
    print("steps that came:", taken)
    return status
run_program(run)
"""
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    """A head, which only learns, and two machines of two processors each."""
    cluster = RayNodes()
    try:
        for address in (FIRST, SECOND):
            cluster.add(address, 2)
        cluster.wait_for(FIRST, SECOND)
        yield cluster
    finally:
        cluster.close()
    assert cluster.left() == []


@pytest.fixture
def start(nodes: RayNodes, runs: Path, tmp_path: Path) -> Iterator[Start]:
    """start(config, *flags): the trainer on the cluster as a process; its words go to ``words``."""
    begun: list[subprocess.Popen[str]] = []

    def trainer(config: dict[str, Any], *flags: Any) -> subprocess.Popen[str]:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        there = ("--workers", "ray", "--ray-address", nodes.address)
        with (tmp_path / "words.txt").open("w") as words:
            begun.append(
                subprocess.Popen(
                    [sys.executable, "-c", COUNTING, "--config", str(path), *there, *map(str, flags)],
                    cwd=ROOT, stdout=words, stderr=words, text=True,
                    env={**environment(runs), **nodes.environment, "PYTHONPATH": str(ROOT)},
                )
            )  # fmt: skip
        return begun[-1]

    yield trainer
    for process in begun:
        process.kill()
        process.wait()


def until(
    there: Callable[[], bool], process: subprocess.Popen[str], words: Path, seconds: float = 180
) -> None:
    """Wait for something while the trainer runs."""
    end = time.monotonic() + seconds
    while not there():
        assert process.poll() is None and time.monotonic() < end, words.read_text()[-3000:]
        time.sleep(0.1)


def finite(run: Path) -> bool:
    return all(
        torch.isfinite(t).all() for t in read_checkpoint(run / "checkpoints" / "final").policy.values()
    )


@with_ray
def test_a_run_whose_machines_fail(start: Start, nodes: RayNodes, runs: Path, tmp_path: Path) -> None:
    """An actor is killed, then its whole machine; the other one is frozen for a while, and a third joins."""
    process, words = start(FAULTS, "--run-name", "faults"), tmp_path / "words.txt"

    def said(text: str) -> int:
        return words.read_text().count(text)

    def steps() -> int:
        saved = (runs / "faults" / "checkpoints").glob("[0-9]*")
        return max((int(path.name) for path in saved), default=0)

    until(lambda: steps() >= 128, process, words)
    os.kill(nodes.actors(FIRST)[0].pid, signal.SIGKILL)
    until(lambda: said("goes on on") == 1, process, words)
    nodes.kill(FIRST)
    until(lambda: said("goes on on") == 2, process, words)
    assert said(f"goes on on {SECOND}") >= 1
    nodes.add(LATER, 2)
    nodes.signal(SECOND, signal.SIGSTOP)
    until(lambda: said(f"goes on on {LATER}") == 2, process, words)
    nodes.signal(SECOND, signal.SIGCONT)
    before = steps()
    until(lambda: steps() > before, process, words)
    assert process.wait(240) == 0, words.read_text()[-3000:]
    summary = json.loads((runs / "faults" / "summary.json").read_text())
    assert STEPS <= summary["steps"] < STEPS + 4 * 32
    assert said(f"steps that came: {summary['steps']}\n") == 1
    assert finite(runs / "faults")
    assert said("episodes end as truncated") == 4, "once for each actor that was lost"
    assert said(f"on {SECOND} did not answer for 4 s") == 2
    assert not any(nodes.actors(address) for address in (SECOND, LATER)), "actors end with the trainer"
