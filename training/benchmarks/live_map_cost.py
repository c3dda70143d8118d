"""What the live map costs a run: ``python -m training.benchmarks.live_map_cost``.

It times callbacks.live_map alone: a write of the file, and a look at the infos of a step.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from callbacks.live_map import EVERY_S, LiveMap

WRITES, STEPS = 50, 2000
SAMPLE = {"map_id": 12, "x": 30, "y": 40, "battle": 0}
SAMPLED = 10  # an environment has a sample in every tenth step, as agent_stats_every has it by default


def milliseconds(action: Callable[[], object], times: int) -> float:
    """Return the median processor time of ``action``."""
    found = []
    for _ in range(times):
        begun = time.process_time()
        action()
        found.append(1000 * (time.process_time() - begun))
    return statistics.median(found)


def cost(environments: int) -> tuple[float, float, int]:
    """Return milliseconds per write and per step of all environments, and the bytes of the file."""
    with tempfile.TemporaryDirectory() as folder:
        callback = LiveMap(Path(folder))
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


def main() -> None:
    """Print a line for each number of environments."""
    for environments in (16, 64, 256, 1024):
        write, step, size = cost(environments)
        share = write / (1000 * EVERY_S)
        print(
            f"{environments:5} environments: {write:.2f} ms a write ({share:.3%} of {EVERY_S:g} s),"
            f" {1000 * step:.1f} us a step, {size:,} bytes"
        )


if __name__ == "__main__":
    main()
