"""Tests of workers that die as they start: they are started again three times, then named in one line."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from threading import Timer
from typing import Any

import gymnasium
import psutil
import pytest

from envs.workers import process
from envs.workers.pool import REPLACEMENTS, WorkerPool
from envs.workers.process import WorkerFailed
from envs.workers.shared_memory import make_layout

Maker = Callable[[], gymnasium.Env[Any, Any]]
MakePool = Callable[..., WorkerPool]


def dying(folder: Path, times: int, victim: Callable[[], int] = os.getpid) -> Maker:
    """Creates an environment; before that, the first ``times`` calls kill the process ``victim()``."""

    def make() -> gymnasium.Env[Any, Any]:
        number = len(list(folder.iterdir()))
        if number < times:
            (folder / str(number)).touch()
            os.kill(victim(), signal.SIGKILL)
            time.sleep(0.5)
        return gymnasium.make("CartPole-v1")

    return make


@pytest.fixture
def pool() -> Iterator[MakePool]:
    """pool(make): one worker with one environment, closed after the test."""
    made: list[WorkerPool] = []

    def start(make: Maker) -> WorkerPool:
        layout = make_layout(gymnasium.make("CartPole-v1").observation_space, 1)
        made.append(WorkerPool([make], 1, 1, layout, 10.0))
        return made[-1]

    yield start
    for one in made:
        one.close()


def workers() -> list[psutil.Process]:
    """The workers that this process has, children of its fork server."""
    own = psutil.Process().children(recursive=True)
    servers = {child.pid for child in psutil.Process().children()}
    return [child for child in own if child.pid not in servers and child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("times", [1, REPLACEMENTS])
def test_a_worker_killed_at_its_start_is_started_again(pool: MakePool, tmp_path: Path, times: int) -> None:
    started = pool(dying(tmp_path, times))
    started.reset([1], [{}])
    assert len(list(tmp_path.iterdir())) == times
    assert started.replaced == 0, "no episode was lost"


def test_a_worker_that_is_always_killed_at_its_start_is_named(pool: MakePool, tmp_path: Path) -> None:
    with pytest.raises(WorkerFailed) as failed:
        pool(dying(tmp_path, 100))
    line = str(failed.value)
    assert line.startswith(
        "worker 0 died (exit code -9), and 3 processes in its place as well: the last died"
    )
    assert "the system may be short of memory or processes (" in line
    assert "\n" not in line
    assert len(list(tmp_path.iterdir())) == 1 + REPLACEMENTS
    assert workers() == []


def test_a_fork_server_that_is_killed_is_started_again(pool: MakePool, tmp_path: Path) -> None:
    """By a worker's start here, so that the next one finds it dead, and the worker itself an orphan."""
    first = pool(dying(tmp_path, 1, os.getppid))
    first.reset([1], [{}])
    second = pool(dying(tmp_path, 0))
    second.reset([1], [{}])
    orphan, other = (psutil.Process(one.workers[0].pid) for one in (first, second))
    orphan.suspend()
    first.close()
    second.close()
    _, alive = psutil.wait_procs([orphan, other], timeout=10)
    assert alive == [], "a stopped orphan is killed as well"


def test_a_fork_server_that_hangs_is_replaced(
    pool: MakePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool(dying(tmp_path, 0)).reset([1], [{}])
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    os.kill(server, signal.SIGSTOP)
    # Short only for the hung server: the next one needs time to import.
    patience = iter([1.0])
    monkeypatch.setattr(process, "Timer", lambda seconds, act: Timer(next(patience, seconds), act))
    started = pool(dying(tmp_path, 0))
    started.reset([1], [{}])
    assert forkserver._forkserver._forkserver_pid != server  # type: ignore[attr-defined]


def test_a_worker_and_its_replacements_are_killed(pool: MakePool, tmp_path: Path) -> None:
    """In the middle of a run: the environment was created before, and kills whoever creates it again."""
    started = pool(
        lambda: dying(tmp_path, 100)() if any(tmp_path.iterdir()) else gymnasium.make("CartPole-v1")
    )
    started.reset([1], [{}])
    (tmp_path / "from now on").touch()
    os.kill(started.workers[0].pid, signal.SIGKILL)
    with pytest.raises(WorkerFailed, match=r"worker 0 died \(exit code -9\), and 3 processes in its place"):
        started.step(0)
        started.wait(0)
    started.close()
    assert workers() == []


def test_a_request_that_kills_every_worker_is_named(pool: MakePool) -> None:
    class Deadly(gymnasium.Wrapper[Any, Any, Any, Any]):
        def end(self) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

    started = pool(lambda: Deadly(gymnasium.make("CartPole-v1")))
    started.reset([1], [{}])
    with pytest.raises(WorkerFailed, match=r"worker 0 died \(exit code -9\) 4 times at the request 'call'"):
        started.ask({0: ("call", "end", [0], (), {})})
    assert started.replaced == REPLACEMENTS + 1
    assert started.ask({0: ("get", "render_mode", [0])}) == {0: [None]}, "the pool stays usable"
