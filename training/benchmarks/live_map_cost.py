"""What the live map costs a run: ``python -m training.benchmarks.live_map_cost``.

It times callbacks.live_map alone, a write of the file and a look at the infos of a step, by the number of
environments. Then it trains a run, and prints the share of its time that the callback took.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from callbacks.live_map import APART, EVERY_S, FILE_NAME, MOST_HEAT, LiveMap, Place
from training.cli.parsing import File, parse, run_program

PROGRAM = Path(__file__).resolve().parents[1] / "train_ppo.py"
WRITES, STEPS = 50, 2000
ENVIRONMENTS = (16, 64, 256, 1024)
SAMPLE = {"map_id": 12, "x": 30, "y": 40, "battle": 0}
SAMPLED = 10  # an environment has a sample in every tenth step, as agent_stats_every has it by default


@dataclass(frozen=True)
class CostFlags:
    """Measure what the live map costs."""

    config: File = None
    """Config of the run that is trained (default: the defaults)."""
    total_steps: int = 100_000
    """Length of that run; 0: train none."""
    num_envs: int = 16
    """Its environments."""


def milliseconds(action: Callable[[], object], times: int) -> float:
    """Return the median processor time of ``action``."""
    found = []
    for _ in range(times):
        begun = time.process_time()
        action()
        found.append(1000 * (time.process_time() - begun))
    return statistics.median(found)


def cost(environments: int, heat: int = 2 * MOST_HEAT) -> tuple[float, float, int]:
    """Return milliseconds per write with ``heat`` visited places, milliseconds per step of all environments,
    and the bytes of the file."""
    counts: dict[Place, int] = {(n // 1024, n // 32 % 32, n % 32): 7 * n % 1009 for n in range(heat)}
    with tempfile.TemporaryDirectory() as folder:
        callback = LiveMap(Path(folder), lambda: counts)
        callback.follow(environments)
        infos = [{"agent_stats": SAMPLE} if n % SAMPLED == 0 else {} for n in range(environments)]
        callback.locals = {"infos": infos}
        callback.every_s = float("inf")  # one write, at the first step
        step = milliseconds(callback._on_step, STEPS)
        callback.locals = {"infos": [{"agent_stats": SAMPLE}] * environments}
        for _ in range(100):  # full trails
            callback._on_step()
        write = milliseconds(callback.write, WRITES)
        return write, step, callback.path.stat().st_size


def share_of_run(flags: CostFlags) -> str:
    """Train a run and describe the share of its time that the callback took."""
    settings = ["--config", str(flags.config)] if flags.config is not None else []
    settings += ["--num-envs", str(flags.num_envs), "--total-steps", str(flags.total_steps)]
    with tempfile.TemporaryDirectory(prefix="live-map-") as folder:
        subprocess.run(
            [sys.executable, str(PROGRAM), *settings, "--run-name", "mapped"],
            env={**os.environ, "POKERED_RUNS": folder}, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        found = json.loads((Path(folder) / "mapped" / FILE_NAME).read_text(encoding="utf-8"))
    spent, session = found["spent_seconds"], found["session_seconds"]
    return (
        f"a run of {found['steps']:,} steps with {flags.num_envs} environments: {spent:.3f} s of"
        f" {session:.1f} s, {spent / session:.3%}"
    )


def main(arguments: Sequence[str]) -> int:
    """Print a line for each number of environments, and one for the run."""
    flags = parse(CostFlags, arguments, "live_map_cost")
    for environments in ENVIRONMENTS:
        write, step, size = cost(environments)
        apart = max(EVERY_S, APART * write / 1000)
        print(
            f"{environments:5} environments: {write:.2f} ms a write ({write / 1000 / apart:.3%} of the"
            f" {apart:.2g} s between two), {1000 * step:.1f} us a step, {size:,} bytes",
            flush=True,
        )
    if flags.total_steps > 0:
        print(share_of_run(flags))
    return 0


if __name__ == "__main__":
    run_program(main)
