"""Presets small, medium and large, fitted to the cores and the memory of this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from training.resources.chunk_sizes import samples_at_once
from training.resources.memory_estimate import MemoryEstimate, available_memory

PRESETS = ("small", "medium", "large")

MEMORY_SHARE = 0.5
SMALLEST_N_STEPS = 128
FEWEST_ENVS = 8


@dataclass(frozen=True)
class Size:
    """A preset before fitting: environments per core within bounds, steps, minibatches per rollout."""

    per_core: int
    fewest: int
    most: int
    n_steps: int
    minibatches: int


SIZES = {
    "small": Size(per_core=12, fewest=12, most=12, n_steps=512, minibatches=6),
    "medium": Size(per_core=2, fewest=16, most=32, n_steps=1024, minibatches=8),
    "large": Size(per_core=4, fewest=64, most=128, n_steps=1024, minibatches=16),
}


def largest_divisor(number: int, limit: int) -> int:
    """Return the largest divisor of ``number`` from 2 to ``limit``, or else the smallest above ``limit``.

    1 is returned only for 1: PPO normalises advantages over a minibatch, which takes at least two steps.
    """
    below = range(min(limit, number), 1, -1)
    above = range(max(2, limit + 1), number + 1)
    return next((size for part in (below, above) for size in part if number % size == 0), 1)


def divisors_near(number: int, wanted: int, count: int = 3) -> list[int]:
    """Return the ``count`` divisors above 1 of ``number`` that are nearest to ``wanted`` by ratio, sorted."""
    divisors = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    divisors = sorted({*divisors, *(number // d for d in divisors)} - ({1} if number > 1 else set()))
    by_nearness = sorted(divisors, key=lambda d: max(d / wanted, wanted / d))
    return sorted(by_nearness[:count])


def preset_values(
    name: str, given: dict[str, Any], cores: int | None = None, memory: int | None = None
) -> dict[str, Any]:
    """Return num_envs, n_steps and batch_size of preset ``name`` for ``cores`` and ``memory`` (bytes).

    ``given`` holds the values of the three from sources with higher precedence; the others are fitted to
    them. n_steps is halved, then num_envs, until the run takes at most half of the memory.
    """
    size = SIZES[name]
    cores = cores or os.cpu_count() or 1
    memory = memory or available_memory()
    fitted = max(size.fewest, min(size.most, size.per_core * cores // 4 * 4))
    num_envs = _whole(given.get("num_envs")) or fitted
    n_steps = _whole(given.get("n_steps")) or size.n_steps

    def too_large() -> bool:
        samples = samples_at_once(max(1, num_envs * n_steps // size.minibatches), cores)
        run = MemoryEstimate(num_envs, n_steps, min(num_envs, cores), samples=samples)
        return run.total > memory * MEMORY_SHARE

    while "n_steps" not in given and n_steps > SMALLEST_N_STEPS and too_large():
        n_steps //= 2
    while "num_envs" not in given and num_envs > FEWEST_ENVS and name != "small" and too_large():
        num_envs //= 2
    rollout = num_envs * n_steps
    batch_size = largest_divisor(rollout, max(1, rollout // size.minibatches))
    return {"num_envs": num_envs, "n_steps": n_steps, "batch_size": batch_size}


def _whole(value: object) -> int | None:
    """Return ``value`` if it is a usable size. A wrong one is reported by the config's own checks."""
    usable = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 1_000_000
    return value if usable and isinstance(value, int) else None
