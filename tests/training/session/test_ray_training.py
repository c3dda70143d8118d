"""Training on a cluster whose machines fail, and messages without a cluster."""

from __future__ import annotations

import contextlib
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

import psutil
import pytest
import torch

from tests.paths import ROOT
from tests.ray_nodes import RayNodes
from tests.training.conftest import TINY, Program, environment
from tests.training.forked import Child, Forker, wait_for
from training.checkpoints.writing import newest_checkpoint, read_checkpoint
from training.config.files import ConfigError
from training.config.loading import load_config
from training.session.sizing import memory_of

pytestmark = pytest.mark.cluster

with_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed; pip install -e '.[ray]'"
)
FIRST, SECOND, LATER = "127.0.0.3", "127.0.0.4", "127.0.0.5"
# On a busy machine, operations of seconds can take minutes.
PATIENT = {"start_timeout": 300.0}
TINY_THERE = {**TINY, "workers": None, "num_envs": 4, "envs_per_actor": 2, "ray": PATIENT}
ROLLOUT = 4 * 32
FAULTS = {
    **TINY_THERE,
    "total_steps": 1_000_000,
    "save_interval": 128,
    "ray": {**PATIENT, "answer_timeout": 4.0, "retry_every": 0.5},
}
# The unchanged trainer, which also prints at its end how many steps it received.
COUNTING = """
import training.train_ppo as program
from training.environments.monitor import ClusterMonitor
wait, train, taken = ClusterMonitor.wait_group, program.main, 0
def counted(self, group):
    global taken
    result = wait(self, group)
    taken += sum("lost" not in info for info in result[3])
    return result
def main(arguments):
    status = train(arguments)
    print("steps that came:", taken)
    return status
ClusterMonitor.wait_group, program.main = counted, main
"""
PATIENCE = 600.0
"""Seconds: a machine that is busy takes minutes to start what else takes seconds."""
Start = Callable[..., Child]


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    """A head that only learns, and two machines with one processor each."""
    cluster = RayNodes()
    try:
        for address in (FIRST, SECOND):
            cluster.add(address, 1)
        cluster.wait_for(FIRST, SECOND)
        yield cluster
    finally:
        cluster.close()
    assert cluster.left() == []


@pytest.fixture
def start(forker: Forker, nodes: RayNodes, runs: Path, tmp_path: Path) -> Iterator[Start]:
    """start(config, *flags) starts the trainer on the cluster as a process."""
    begun: list[Child] = []

    def trainer(config: dict[str, Any], *flags: Any) -> Child:
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        there = ("--workers", "ray", "--ray-address", nodes.address)
        ours = {**environment(runs), **nodes.environment}
        begun.append(forker.start("--config", path, *there, *flags, before=COUNTING, environment=ours))
        return begun[-1]

    yield trainer
    for child in begun:
        with contextlib.suppress(ProcessLookupError):
            child.kill(signal.SIGKILL)


def until(there: Callable[[], bool], child: Child) -> None:
    """Wait for something while the trainer runs."""
    end = time.monotonic() + PATIENCE
    while not there():
        ended = psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        assert not ended and time.monotonic() < end, child.errors[-3000:]
        time.sleep(0.1)


def finite(run: Path) -> bool:
    weights = newest_checkpoint(run / "checkpoints", warn=pytest.fail).policy.values()
    return all(torch.isfinite(tensor).all() for tensor in weights)


@with_ray
def test_a_run_whose_machines_fail(start: Start, nodes: RayNodes, runs: Path) -> None:
    """An actor is killed, then its whole machine, and later a new one joins. The remaining machine is frozen
    for a while. Each has room for one actor."""
    trainer = start(FAULTS, "--run-name", "faults")

    def said(text: str) -> int:
        return trainer.errors.count(text)

    def steps() -> int:
        saved = (runs / "faults" / "checkpoints").glob("[0-9]*")
        return max((int(path.name) for path in saved), default=0)

    def go_on() -> None:
        before = steps()
        until(lambda: steps() > before, trainer)

    go_on()
    os.kill(nodes.actors(FIRST)[0].pid, signal.SIGKILL)
    until(lambda: said(f"continues on {FIRST}") == 1, trainer)
    nodes.kill(FIRST)
    until(lambda: said(f"on {FIRST}") >= 3, trainer)
    go_on()
    nodes.add(LATER, 1)
    until(lambda: said(f"continues on {LATER}") == 1, trainer)
    nodes.signal(SECOND, signal.SIGSTOP)
    until(lambda: said(f"on {SECOND} did not answer for 4 s") == 1, trainer)
    nodes.signal(SECOND, signal.SIGCONT)
    until(lambda: said(f"continues on {SECOND}") == 1, trainer)
    go_on()
    trainer.kill(signal.SIGTERM)
    assert trainer.wait() == 0, trainer.errors[-3000:]
    assert said("episodes end as truncated") == said("continues on") == 3, "each loss is reported once"
    summary = json.loads((runs / "faults" / "summary.json").read_text())
    assert f"steps that came: {summary['steps'] + summary['dropped_steps']}\n" in trainer.shown
    assert finite(runs / "faults")
    # Actors end with the trainer; Ray ends them a moment after it.
    wait_for(lambda: not any(nodes.actors(address) for address in (SECOND, LATER)), seconds=60.0)
    total = summary["steps"] + 2 * ROLLOUT
    trainer = start({**FAULTS, "total_steps": total}, "--resume", "faults", "--accept-changes")
    assert trainer.wait() == 0, trainer.errors[-3000:]
    ended = json.loads((runs / "faults" / "summary.json").read_text())
    assert ended["finished"] and total <= ended["steps"] < total + ROLLOUT
    assert f"steps that came: {ended['steps'] - summary['steps']}\n" in trainer.shown
    assert finite(runs / "faults")


POLICIES: dict[str, dict[str, Any]] = {
    "tiles": {"kind": "tiles"},
    "lstm": {"kind": "lstm", "width": 16},
    "gpt2": {"kind": "gpt2", "max_input_states": 6, "d_model": 16, "num_layers": 2, "num_heads": 2},
}


@with_ray
@pytest.mark.parametrize("kind", POLICIES)
def test_one_seed_gives_one_run_in_any_order_of_results(start: Start, runs: Path, kind: str) -> None:
    """This includes a stop and a resume, after which games in mid-episode are on other machines."""
    policy = POLICIES[kind]
    exact = {**TINY_THERE, "total_steps": 384, "torch_deterministic": True, "policy": policy}
    names = f"there-{kind}-1", f"there-{kind}-2"
    runs_of = {
        "whole": [("--run-name", names[0])],
        "again": [("--run-name", names[1], "--stop-after", 128), ("--resume", names[1])],
    }
    for sessions in runs_of.values():
        for flags in sessions:
            trainer = start(exact, *flags)
            assert trainer.wait() == 0, trainer.errors[-3000:]
    one, other = (read_checkpoint(runs / name / "checkpoints" / "final") for name in names)
    assert one.steps == other.steps == 384
    for name, weights in one.policy.items():
        assert torch.equal(weights, other.policy[name]), name
    files = [
        {path.name: path.read_bytes() for path in (runs / name / "episodes").glob("*.episode")}
        for name in names
    ]
    assert len(files[0]) == 8 and files[0] == files[1]
    mapped = json.loads((runs / names[0] / "live_map.json").read_text())
    assert (mapped["steps"], [one["env"] for one in mapped["environments"]]) == (384, [0, 1, 2, 3])
    assert sum(count for *_, count in mapped["heat"]) == 384 // 10 // 4 * 4, "every tenth step of each"


@with_ray
def test_a_sweep_runs_its_trials_as_tasks(
    nodes: RayNodes, runs: Path, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in nodes.environment.items():
        monkeypatch.setenv(name, value)
    for name, values in {"a": {"gamma": 0.9}, "b": {"device": "cuda"}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({**TINY, "total_steps": None, **values}))
    flags = (str(tmp_path / "*.json"), "--episodes", 4, "--seeds", 1, "--mode", "full", "--name", "far")
    result = program("run_sweep", *flags, "--ray-address", nodes.address, "--trial-cpus", 1)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "a, seed 1: mean return" in result.stdout
    assert "b, seed 1: FAILED, exit status 2; error: device cuda: this machine has no CUDA" in result.stdout
    run = runs / "far.a.s1"
    assert json.loads((run / "summary.json").read_text())["finished"]
    assert finite(run)
    assert not (runs / "far.b.s1").exists()
    again = program("run_sweep", *flags, "--ray-address", nodes.address, "--trial-cpus", 1)
    assert "1 runs already done, 1 to go" in again.stdout


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("--workers", "ray"), "--workers ray needs --ray-address HOST:PORT, the head of the cluster"),
        (("--ray-address", "127.0.0.2:1"), "--ray-address needs --workers ray"),
        (("--workers", "few"), "--workers few must be a whole number or ray"),
        (
            ("--workers", "ray", "--ray-address", "127.0.0.2:1", "--num-envs", "auto"),
            "--num-envs auto measures this machine",
        ),
        (
            ("--workers", "ray", "--ray-address", "127.0.0.2:1", "--use-graphics"),
            "--use-graphics needs a game on this machine",
        ),
    ],
)
def test_wrong_flags_get_one_line(
    refused: Callable[..., str], tiny: Path, flags: tuple[str, ...], line: str
) -> None:
    assert line in refused("train_ppo", "--config", tiny, *flags)


def test_the_address_of_a_cluster_is_not_a_difference_but_using_one_is() -> None:
    near, far, other = (load_config(None, {"ray_address": a}) for a in (None, "10.0.0.1:1", "10.0.0.2:2"))
    assert far.differences(other) == []
    assert far.differences(near) == ['ray_address: null -> "a cluster"']
    patient = load_config(None, {"ray": {"answer_timeout": 60.0}})
    assert patient.differences(near) == []
    with pytest.raises(ConfigError, match=r"answer-timeout 0.5 is out of range: must be at least 1"):
        load_config(None, {"ray": {"answer_timeout": 0.5}})
    with pytest.raises(ConfigError, match=r"did you mean .*late.factor"):
        load_config(None, {"ray": {"late_facto": 2.0}})


def test_emulators_of_other_machines_take_no_memory_here() -> None:
    near, far = (memory_of(load_config(None, {"ray_address": address})) for address in (None, "10.0.0.1:1"))
    assert far.buffer == near.buffer and far.model == near.model
    assert far.environments == 3 * 16 * far.observation_bytes, "what is kept of their observations"
    assert far.most_envs(10**9, 512) > near.most_envs(10**9, 512)


# Makes imports fail as if the package were missing, for the program that follows.
WITHOUT_RAY = """
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = classmethod(
    lambda kind, name, *rest: None if name.split(".")[0] == "ray" else find(name, *rest)
)
from training.cli.parsing import run_program
run_program(__import__(f"training.{sys.argv.pop(1)}", fromlist=["main"]).main)
"""


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("train_ppo", ("--workers", "ray", "--ray-address", "127.0.0.2:1")),
        ("run_sweep", ("configs/sweeps/ppo_agent_v1.json", "--ray-address", "127.0.0.2:1")),
        ("ray_node", ("--head", "--listen", "127.0.0.2")),
        ("benchmark_ray", ()),
    ],
)
def test_without_ray_it_says_how_to_install_it(runs: Path, name: str, flags: tuple[str, ...]) -> None:
    before = sorted(runs.rglob("*"))
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_RAY, name, *flags],
        cwd=ROOT, env={**environment(runs), "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert "pip install -e '.[ray]'" in result.stderr
    assert sorted(runs.rglob("*")) == before


def test_without_a_cluster_ray_is_not_imported(tiny: Path, runs: Path) -> None:
    code = """
import sys
from training.train_ppo import main
assert main(sys.argv[1:]) == 0
assert not [name for name in sys.modules if name.split(".")[0] == "ray"]
"""
    result = subprocess.run(
        [sys.executable, "-c", code, "--config", str(tiny), "--run-name", "here-alone"],
        cwd=ROOT, env={**environment(runs), "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
