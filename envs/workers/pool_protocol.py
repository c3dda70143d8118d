"""What a vector environment asks of whoever steps its environments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.workers.shared_memory import ArrayLayout

EnvFn = Callable[[], gymnasium.Env[Any, Any]]


class PoolProtocol(Protocol):
    """Whoever steps the environments of a VecEnv: processes of this machine, or actors on others."""

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
    crew: PoolProtocol, chosen: Sequence[int], name: str, *arguments: Any, last: tuple[Any, ...] = ()
) -> list[Any]:
    """A request about each of the environments ``chosen``, also while a group steps (it is answered after
    that step)."""
    wanted = set(chosen)
    mine = {number: [index for index in held if index in wanted] for number, held in enumerate(crew.held)}
    requests = {number: (name, *arguments, part, *last) for number, part in mine.items() if part}
    results: dict[int, Any] = {}
    for number, answer in crew.ask(requests).items():
        results |= dict(zip(mine[number], answer, strict=True))
    return [results[index] for index in chosen]


def end_lost_episode(crew: PoolProtocol, group: int, index: int) -> None:
    """Put the end of an episode that was lost where its step's result would be: truncated, with the last
    observation that came."""
    arrays, last = crew.arrays, crew.other_buffer(group)
    arrays["rewards"][index] = 0.0
    arrays["terminated"][index], arrays["truncated"][index] = False, True
    arrays["has_components"][index] = True
    arrays["components"][index] = 0.0
    for key in crew.layout.observation_keys:
        arrays[f"terminal/{key}"][index] = arrays[f"obs/{key}"][last, index]


def replacement_seed(base_seed: int, losses: int, index: int) -> int:
    """Another stream than any that the environment had, and the same one when the run is repeated."""
    return int(np.random.SeedSequence([base_seed, losses, index]).generate_state(1)[0])
