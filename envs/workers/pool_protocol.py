"""Interface between a vector environment and the pool that steps its environments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.cells import NO_CELL
from envs.workers.shared_memory import ArrayLayout

EnvFn = Callable[[], gymnasium.Env[Any, Any]]


class PoolProtocol(Protocol):
    """A pool that steps the environments of a VecEnv, in processes on this machine or in Ray actors."""

    layout: ArrayLayout
    arrays: dict[str, NDArray[Any]]
    outcomes: memoryview
    groups: list[slice]
    held: list[list[int]]
    buffer: list[int]
    reset_infos: dict[int, dict[str, Any]]
    base_seed: int
    replaced: int

    def step(self, group: int) -> None: ...
    def wait(self, group: int) -> tuple[dict[int, dict[str, Any]], list[int]]: ...
    def other_buffer(self, group: int) -> int: ...
    def ask(self, requests: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]: ...
    def reset(self, seeds: Sequence[int | None], options: Sequence[dict[str, Any]]) -> None: ...
    def close(self) -> None: ...


def ask_each(
    pool: PoolProtocol, chosen: Sequence[int], name: str, *arguments: Any, last: tuple[Any, ...] = ()
) -> list[Any]:
    """Return the answers to a request for each environment in ``chosen``, in that order.

    While a group steps, the request is answered after that step.
    """
    wanted = set(chosen)
    mine = {number: [index for index in held if index in wanted] for number, held in enumerate(pool.held)}
    requests = {number: (name, *arguments, part, *last) for number, part in mine.items() if part}
    results: dict[int, Any] = {}
    for number, answer in pool.ask(requests).items():
        results |= dict(zip(mine[number], answer, strict=True))
    return [results[index] for index in chosen]


def end_lost_episode(pool: PoolProtocol, group: int, index: int) -> None:
    """Write the end of a lost episode in place of its step's result: truncated, with the last observation."""
    arrays, last = pool.arrays, pool.other_buffer(group)
    arrays["rewards"][index] = 0.0
    arrays["terminated"][index], arrays["truncated"][index] = False, True
    arrays["has_components"][index] = True
    arrays["cells"][index] = NO_CELL
    arrays["components"][index] = 0.0
    for key in pool.layout.observation_keys:
        arrays[f"terminal/{key}"][index] = arrays[f"obs/{key}"][last, index]


def replacement_seed(base_seed: int, losses: int, index: int) -> int:
    """Return a seed that the environment has not had before; it is the same when the run is repeated."""
    return int(np.random.SeedSequence([base_seed, losses, index]).generate_state(1)[0])
