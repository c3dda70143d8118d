"""Benchmark of a Ray cluster's cost and scaling: ``python training/benchmark_ray.py --json ray.json``.

It starts clusters on this machine. First the same emulators run in 2 actors and in 2 workers, in turns. Then
1, 2 and 4 nodes run under a load that needs no CPU. See docs/ray.md.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a file: import from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np

from envs.cluster.actor import ActorSpec
from envs.cluster.ray_api import require_ray
from envs.cluster.ray_vec_env import ClusterLayout, RayVecEnv
from envs.observations import Observations
from envs.red_env import RedEnv
from training.benchmarks.fixed_load import FixedLoads
from training.benchmarks.loopback_cluster import LoopbackCluster
from training.cli.parsing import File, UsageError, parse, run_program

ACTORS, EACH = 2, 8
NODES = (1, 2, 4)
PAIRS = (("emulators", "ray"), ("rollouts", "ray-rollouts"))


@dataclass(frozen=True)
class RayBenchmarkFlags:
    """Measure environments on a Ray cluster within this machine. Takes about five minutes."""

    rounds: int = 7
    """Turns of every contender; figures are medians over them."""
    seconds: float = 3.0
    """Length of a turn."""
    milliseconds: float = 1.0
    """Duration of a step of the fixed load."""
    envs_per_node: int = 16
    """Environments per node, all in one actor, with the fixed load."""
    json: File = None
    """Write all figures to this file."""


@dataclass(frozen=True)
class Nodes:
    """Medians of a measurement with ``nodes`` nodes; ``trainer_ms`` is the trainer's CPU time per step."""

    nodes: int
    steps_per_s: float
    messages_per_s: float
    trainer_ms: float


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write. Raises UserError for wrong input."""
    flags = parse(RayBenchmarkFlags, arguments, "benchmark_ray.py")
    for name, least in (("rounds", 1), ("seconds", 0.1), ("milliseconds", 0.05), ("envs_per_node", 1)):
        if getattr(flags, name) < least:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(flags, name)} must be at least {least:g}")
    require_ray()
    shares = same_emulators(flags)
    found = fixed_load(flags)
    print(table(flags, shares, found))
    if flags.json is not None:
        rows = {"same_emulators": shares, "nodes": [asdict(nodes) for nodes in found]}
        flags.json.write_text(json.dumps(rows, indent=1), "utf-8")
    return 0


def same_emulators(flags: RayBenchmarkFlags) -> dict[str, float]:
    """Return the median actions per second of 16 emulators in 2 workers and in 2 actors, by contender.

    Both run with random actions and with PPO's rollouts.
    """
    from training.benchmarks.runner import Turns, interleaved, sizes

    cluster = LoopbackCluster()
    os.environ.update(cluster.environment)
    try:
        cluster.add("127.0.0.3", ACTORS)
        cluster.wait_for("127.0.0.3")
        there = {"ray_address": cluster.address, "envs_per_actor": EACH, "workers": ACTORS, "device": "cpu"}
        turns = Turns(flags.rounds, flags.seconds, _say)
        rates: dict[str, float] = {}
        for pair in PAIRS:
            found = interleaved(pair, ACTORS, sizes(ACTORS * EACH) | there, turns)
            rates |= {
                name: statistics.median(sample.rate for sample in series.samples)
                for name, series in found.items()
            }
        return rates
    finally:
        cluster.close()


def fixed_load(flags: RayBenchmarkFlags) -> list[Nodes]:
    """Measure with each number of NODES. Each node has one CPU and one actor."""
    cluster = LoopbackCluster()
    os.environ.update(cluster.environment)
    try:
        found: list[Nodes] = []
        for number in NODES:
            fresh = [f"127.0.0.{3 + node}" for node in range(found[-1].nodes if found else 0, number)]
            for address in fresh:
                cluster.add(address, 1)
            cluster.wait_for(*fresh)
            _say(f"  {number} nodes")
            found.append(_with_nodes(flags, cluster.address, number))
        return found
    finally:
        cluster.close()


def _with_nodes(flags: RayBenchmarkFlags, address: str, number: int) -> Nodes:
    spec = ActorSpec(FixedLoads(flags.milliseconds / 1000), Observations().space, 1, 60.0, compress=False)
    each = flags.envs_per_node
    env = RayVecEnv(ClusterLayout(address, number * each, each), spec, RedEnv.actions())
    try:
        env.reset()
        turns = [_turn(env, flags.seconds) for _ in range(flags.rounds + 1)][1:]  # the first warms up
        steps, messages, trainer = (statistics.median(column) for column in zip(*turns, strict=True))
        return Nodes(number, steps, messages, trainer)
    finally:
        env.close()


def _turn(env: RayVecEnv, seconds: float) -> tuple[float, float, float]:
    """Step every group as soon as its result arrives. Returns the values of a Nodes."""
    sizes = [part.stop - part.start for part in env.groups]
    for group, size in enumerate(sizes):
        env.step_group(group, np.zeros(size, np.int64))
    steps = messages = 0
    began, busy = time.perf_counter(), time.process_time()
    while time.perf_counter() < began + seconds:
        news = env.next_news(1.0)
        if news is not None:
            env.wait_group(news[0])
            env.step_group(news[0], np.zeros(sizes[news[0]], np.int64))
            steps, messages = steps + sizes[news[0]], messages + 1
    wall, busy = time.perf_counter() - began, time.process_time() - busy
    for group in range(env.n_groups):
        env.wait_group(group)
    return steps / wall, messages / wall, busy / max(steps, 1) * 1000


def table(flags: RayBenchmarkFlags, shares: dict[str, float], found: Sequence[Nodes]) -> str:
    """Return all figures as text."""
    lines = [f"{ACTORS * EACH} emulators in 2 workers of one machine, and in {ACTORS} actors of {EACH}:"]
    for near, far in PAIRS:
        share = shares[far] / shares[near]
        lines.append(
            f"  {near:<12}{shares[near]:>8.0f} /s   {far:<14}{shares[far]:>8.0f} /s   {share:.2f} of that"
        )
    most = 1000 / flags.milliseconds
    lines.append(f"nodes of {flags.envs_per_node} environments that take {flags.milliseconds:g} ms a step:")
    lines.append(f"  {'nodes':<8}{'steps/s':>10}{'of the most':>13}{'messages/s':>12}{'trainer ms/step':>17}")
    for row in found:
        lines.append(
            f"  {row.nodes:<8}{row.steps_per_s:>10.0f}{row.steps_per_s / (most * row.nodes):>13.2f}"
            f"{row.messages_per_s:>12.0f}{row.trainer_ms:>17.3f}"
        )
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_program(main)
