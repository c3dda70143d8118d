"""On which core a program goes on after its workers, with real processes on real cores."""

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

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs a system where two cores can be chosen from",
)
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
    """Workers 0, 1, ... ended their steps one after the other, on these cores."""
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
    """Where the program is after ``follow``, try by try, having begun on core ``begin``."""
    seen = []
    for _ in range(TRIES):
        os.sched_setaffinity(0, {begin})
        os.sched_setaffinity(0, allowed)
        cores.follow(workers)
        seen.append(_here())
        assert os.sched_getaffinity(0) == allowed, "it may run wherever it might before"
    return seen


def test_it_goes_from_the_last_workers_core_to_the_first_ones(allowed: set[int]) -> None:
    one, other = sorted(allowed)[:2]
    cores = _stepped(one, other)
    seen = _followed(cores, allowed, other, [0, 1])
    assert seen.count(one) > TRIES // 2, "the system itself may move it on, now and then"
    seen = _followed(cores, allowed, other, [1, 0])
    assert seen.count(one) > TRIES // 2, "when they ended counts, not their order"


@pytest.mark.parametrize("workers", [[0], [1], []], ids=str)
def test_it_stays_where_no_worker_is_ahead_of_another(allowed: set[int], workers: list[int]) -> None:
    one, other = sorted(allowed)[:2]
    assert _followed(_stepped(one, other), allowed, other, workers).count(other) > TRIES // 2


def test_no_core_is_asked_for_where_the_first_worker_is(
    allowed: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = sorted(allowed)[:2]
    cores = _stepped(one, other)
    os.sched_setaffinity(0, {one})
    asked: list[set[int]] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, wanted: asked.append(wanted))
    cores.follow([0, 1])
    assert not asked


def test_it_stays_where_the_last_worker_is_not(allowed: set[int]) -> None:
    one, other = sorted(allowed)[:2]
    assert _followed(_stepped(one, one), allowed, other, [0, 1]).count(other) > TRIES // 2


def test_workers_note_their_steps_and_the_program_follows_them(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert [workers for workers, _ in followed] == 2 * vec_env._crew._steppers
    times = [max(ends) for _, ends in followed]
    assert all(0 < one < other for one, other in pairwise(times)), "each step is noted as it ends"
    assert all(min(ends) > 0 for _, ends in followed[1:]), "by both workers"


def test_it_stays_on_the_cores_that_it_may_use(allowed: set[int]) -> None:
    one, other = sorted(allowed)[:2]
    assert set(_followed(_stepped(one, other), {other}, other, [0, 1])) == {other}
