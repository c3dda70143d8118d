"""Tests of the core on which the main program continues, with real processes on real cores."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

import gymnasium
import numpy as np
import pytest

from envs.vec_env import EmulatorVecEnv
from envs.workers.cpu_affinity import Cores

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
        reason="needs two cores and a system that sets affinity",
    ),
]
TRIES = 20


@pytest.fixture(autouse=True)
def allowed() -> Iterator[set[int]]:
    cores = os.sched_getaffinity(0)
    yield cores
    os.sched_setaffinity(0, cores)


def _step(cores: Cores, worker: int, core: int) -> None:
    os.sched_setaffinity(0, {core})
    cores.note(worker)


def _stepped(*where: int) -> Cores:
    """The record after workers 0, 1, ... finished their steps in turn on these cores."""
    context = multiprocessing.get_context("spawn")
    cores = Cores(context, len(where))
    for worker, core in enumerate(where):
        process = context.Process(target=_step, args=(cores, worker, core))
        process.start()
        process.join()
        assert process.exitcode == 0
    return cores


def _here() -> int:
    return int(ctypes.CDLL(None).sched_getcpu())


def _followed(cores: Cores, allowed: set[int], begin: int, workers: list[int]) -> list[int]:
    """The core after each of TRIES calls of ``follow``, each begun on core ``begin``."""
    seen = []
    for _ in range(TRIES):
        os.sched_setaffinity(0, {begin})
        os.sched_setaffinity(0, allowed)
        cores.follow(workers)
        seen.append(_here())
        assert os.sched_getaffinity(0) == allowed, "the affinity is unchanged"
    return seen


def test_it_moves_from_the_last_workers_core_to_the_first_workers(allowed: set[int]) -> None:
    one, other = sorted(allowed)[:2]
    cores = _stepped(one, other)
    seen = _followed(cores, allowed, other, [0, 1])
    assert seen.count(one) > TRIES // 2, "the system itself may sometimes move it"
    seen = _followed(cores, allowed, other, [1, 0])
    assert seen.count(one) > TRIES // 2, "the finishing times count, not the order of the list"


@pytest.mark.parametrize("workers", [[0], [1], []], ids=str)
def test_it_stays_with_fewer_than_two_workers(allowed: set[int], workers: list[int]) -> None:
    one, other = sorted(allowed)[:2]
    assert _followed(_stepped(one, other), allowed, other, workers).count(other) > TRIES // 2


def test_affinity_is_not_set_on_the_first_workers_core(
    allowed: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = sorted(allowed)[:2]
    cores = _stepped(one, other)
    os.sched_setaffinity(0, {one})
    asked: list[set[int]] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, wanted: asked.append(wanted))
    cores.follow([0, 1])
    assert not asked


def test_it_stays_if_it_is_not_on_the_last_workers_core(allowed: set[int]) -> None:
    one, other = sorted(allowed)[:2]
    assert _followed(_stepped(one, one), allowed, other, [0, 1]).count(other) > TRIES // 2


def test_workers_record_their_steps_and_the_program_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[tuple[list[int], list[float]]] = []

    def follow(cores: Cores, workers: Sequence[int]) -> None:
        followed.append((list(workers), list(cores._ends[::2])))

    monkeypatch.setattr(Cores, "follow", follow)
    vec_env = EmulatorVecEnv([partial(gymnasium.make, "CartPole-v1")] * 3, workers=2)
    try:
        vec_env.reset()
        for _ in range(2):
            for group, part in enumerate(vec_env.groups):
                vec_env.step_group(group, np.zeros(part.stop - part.start, np.int64))
                vec_env.wait_group(group)
    finally:
        vec_env.close()
    assert [workers for workers, _ in followed] == 2 * vec_env._pool._steppers
    times = [max(ends) for _, ends in followed]
    assert all(0 < one < other for one, other in pairwise(times)), "each step is recorded when it finishes"
    assert all(min(ends) > 0 for _, ends in followed[1:]), "by both workers"


def test_it_stays_on_allowed_cores(allowed: set[int]) -> None:
    one, other = sorted(allowed)[:2]
    assert set(_followed(_stepped(one, other), {other}, other, [0, 1])) == {other}
