"""Tests of the limits of the system, with real limits: one line that names the limit, and nothing left."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from envs.workers import limits
from tests.envs.workers.limited import run, with_processes, with_read_only_shared_memory

pytestmark = pytest.mark.slow

# Starts workers as vector environments do, without torch; prints the error, and what is left of them.
POOL = """
import sys
from functools import partial
from pathlib import Path
import gymnasium, psutil
from envs.errors import UserError
from envs.workers.pool import WorkerPool
from envs.workers.shared_memory import make_layout

shared = Path("/dev/shm")
before, count = set(shared.iterdir()), int(sys.argv[1])
maker = partial(gymnasium.make, "CartPole-v1")
layout = make_layout(maker().observation_space, count)
try:
    pool = WorkerPool([maker] * count, count, 1, layout, 10.0)
    pool.reset([1] * count, [{}] * count)
    pool.close()
    print("started")
except UserError as error:
    print(error)
servers, family = (set(psutil.Process().children(recursive)) for recursive in (False, True))
print("left:", [child for child in family - servers if child.status() != "zombie"])
print("shared:", [path.name for path in set(shared.iterdir()) - before if path.name.startswith("pym-")])
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that every user may write to."""
    tmp_path.chmod(0o777)
    return tmp_path


@pytest.mark.parametrize(("most", "workers"), [(40, 64), (8, 1)])
def test_too_few_processes_are_named_before_any_starts(home: Path, most: int, workers: int) -> None:
    done = run(with_processes(most), POOL, home, workers)
    assert done.stderr == ""
    line, left, shared = done.stdout.splitlines()
    assert line.startswith(f"processes: {workers} workers need ")
    assert "ulimit -u " in line
    assert ("use --workers" in line) == (most > 20)
    assert (left, shared) == ("left: []", "shared: []")


def test_enough_processes_are_used(home: Path) -> None:
    done = run(with_processes(60), POOL, home, 2)
    assert done.stdout.splitlines() == ["started", "left: []", "shared: []"], done.stderr


def test_too_few_open_files_are_named_before_any_worker_starts(home: Path) -> None:
    done = run(["prlimit", "--nofile=256"], POOL, home, 100)
    assert done.stderr == ""
    line, left, shared = done.stdout.splitlines()
    assert line.startswith("open files: 100 workers need ")
    assert "the limit is 256 (ulimit -n); use --workers " in line
    assert (left, shared) == ("left: []", "shared: []")


def test_the_soft_limit_of_open_files_is_raised(home: Path) -> None:
    code = POOL + "\nimport resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 40)"
    done = run(["prlimit", "--nofile=40:4096"], code, home, 2)
    assert done.stdout.splitlines() == ["started", "left: []", "shared: []", "True"], done.stderr


def test_shared_memory_that_is_read_only_is_named(home: Path) -> None:
    done = run(with_read_only_shared_memory(), POOL, home, 2)
    assert done.stderr == ""
    line, left, _ = done.stdout.splitlines()
    assert line.startswith("shared memory: ")
    assert "cannot be had in /dev/shm: Read-only file system" in line
    assert left == "left: []"


def test_memory_that_workers_cannot_have_is_named(home: Path) -> None:
    """The limit holds for the workers alone: for what they do after the program's imports."""
    code = POOL.replace(
        'maker = partial(gymnasium.make, "CartPole-v1")',
        "def maker():\n"
        "    import resource, multiprocessing\n"
        '    if multiprocessing.current_process().name != "MainProcess":\n'
        "        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); bytearray(1 << 31)\n"
        '    return gymnasium.make("CartPole-v1")',
    )
    done = run([], code, home, 1)
    assert done.stderr == ""
    line, left, shared = done.stdout.splitlines()
    assert line == "memory: worker 0 cannot have what its environments need; use fewer"
    assert (left, shared) == ("left: []", "shared: []")


def test_all_that_is_asked_for_is_counted() -> None:
    assert limits.tasks_allowed(20) == 20
    assert limits.missing_tasks(2) is None
    assert limits.tasks_needed(64, 2) - limits.tasks_needed(1, 2) == 63
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limits.missing_files(1) is None
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before, "raised only as far as needed"
