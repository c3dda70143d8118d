"""Samples of demonstrations: pairs of observation and action, from a replay through a config's observations.

Thirty episodes of 2,500 steps take 1.6 GB with the default observations, so they are kept in files that are
mapped into memory. Worker processes import this module, so it must not import torch.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from envs.episodes.file_format import memory_hash
from envs.errors import UserError
from envs.game_boy.emulator import VERSION
from envs.red_env import RedEnv
from envs.workers.cpu_affinity import available_cores
from training.demonstrations.demo_set import Demonstration, DemonstrationSet, read_set
from training.environments.local import make_env, observations_of
from training.environments.task import Task, episodes_of

IN_THE_GAME = ("action_frames", "held_frames", "fast_text", "repel", "sound")
"""Settings of which a replay needs the same values."""
SPARE_DISK = 1.1
"""Free space required, as a multiple of the samples'."""
SPLIT = 25
"""Separates the random numbers of the split from others of the same seed."""


class NamesDemonstrations(Protocol):
    """A section of a config that names a set, and the share of its episodes to hold out."""

    @property
    def demonstrations(self) -> str: ...
    @property
    def held_out(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples in the order in which they were played, episode after episode.

    ``observations``: uint8 (n, ...) by name, ``actions``: int64 (n,), ``rewards``: float32 (n,) of the
    config's reward, ``ends``: bool (n,), the last step of an episode. ``learned`` and ``held_out`` are the
    indices of the samples to imitate and of those to measure with; random actions are in neither. Close it,
    which frees the disk space.
    """

    observations: dict[str, NDArray[np.uint8]]
    actions: NDArray[np.int64]
    rewards: NDArray[np.float32]
    ends: NDArray[np.bool_]
    learned: NDArray[np.int64]
    held_out: NDArray[np.int64]
    folder: Path

    def at(self, indices: NDArray[np.int64]) -> dict[str, NDArray[np.uint8]]:
        """Return copies of the observations of these samples."""
        return {name: array[indices] for name, array in self.observations.items()}

    def returns(self, rewards: NDArray[np.float32], gamma: float) -> NDArray[np.float32]:
        """Return the discounted sum of ``rewards`` from each step to the end of its episode, float32 (n,)."""
        sums = np.zeros(len(rewards), np.float64)
        following = 0.0
        for index in range(len(rewards) - 1, -1, -1):
            following = float(rewards[index]) + (0.0 if self.ends[index] else gamma * following)
            sums[index] = following
        return sums.astype(np.float32)

    def close(self) -> None:
        """Give the memory back and remove the files; may be called again."""
        self.observations.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Job:
    """An episode to replay for ``steps``, whose samples begin at row ``first`` of the files in ``folder``."""

    task: Task
    demonstration: Demonstration
    folder: Path
    first: int
    steps: int


def open_demonstrations(section: NamesDemonstrations, task: Task) -> DemonstrationSet:
    """Read the set of the section and check it against the task, without replaying it.

    Raises UserError if it is damaged, or was played on another cartridge or with other settings.
    """
    found = read_set(Path(section.demonstrations))
    if found.manifest.rom_sha1 != task.game.sha1:
        raise UserError(
            f"demonstrations {found.folder}: played on a ROM with SHA-1 {found.manifest.rom_sha1}, but the"
            f" run plays {task.game.rom} with {task.game.sha1}"
        )
    for one in found:
        theirs = one.episode.header.settings
        for name in IN_THE_GAME:
            if theirs.get(name) != getattr(task.config, name):
                raise UserError(
                    f"demonstrations {found.folder}: {one.name} was played with {name} {theirs.get(name)},"
                    f" but the config has {getattr(task.config, name)}"
                )
    if section.held_out and len(found) < 2:
        raise UserError(
            f"demonstrations {found.folder}: held_out {section.held_out} needs at least 2 episodes, and there"
            " is 1; set held_out 0"
        )
    return found


def make_samples(
    found: DemonstrationSet, task: Task, held_out: float, seed: int, first_steps: int | None = None
) -> Samples:
    """Replay every episode of the set through the observations of ``task``, in several processes.

    ``first_steps`` limits each episode; its last steps are then not verified. A share of ``held_out`` of the
    episodes, drawn with ``seed``, is held out. Raises UserError if an episode does not replay as it was
    recorded, or there is too little disk space for temporary files.
    """
    everything = list(found)
    lengths = [_length(one, first_steps) for one in everything]
    folder = Path(tempfile.mkdtemp(prefix="demonstrations-"))
    try:
        arrays = _make_files(folder, task, sum(lengths))
        firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        jobs = [
            _Job(task_of(task, one), one, folder, int(first), steps)
            for one, first, steps in zip(everything, firsts, lengths, strict=True)
        ]
        rewards = np.concatenate(list(_replay_all(jobs)))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _forget_names(folder)
    ends = np.zeros(sum(lengths), np.bool_)
    ends[np.cumsum(lengths) - 1] = True
    played = [one.episode.actions[:steps] for one, steps in zip(everything, lengths, strict=True)]
    actions = np.frombuffer(b"".join(played), np.uint8)
    learned, measured = split(everything, held_out, seed, first_steps)
    return Samples(arrays, actions.astype(np.int64), rewards, ends, learned, measured, folder)


def _length(demonstration: Demonstration, first_steps: int | None) -> int:
    steps = demonstration.episode.header.steps
    return steps if first_steps is None else min(steps, first_steps)


def split(
    everything: Sequence[Demonstration], held_out: float, seed: int, first_steps: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the samples to learn from and those of held-out episodes, without random actions.

    Whole episodes are held out: neighbouring steps are too alike to measure anything.
    """
    count = max(1, round(held_out * len(everything))) if held_out else 0
    order = np.random.default_rng([seed, SPLIT]).permutation(len(everything))
    apart = {int(number) for number in order[:count]}
    parts: tuple[list[int], list[int]] = ([], [])
    first = 0
    for number, one in enumerate(everything):
        steps = _length(one, first_steps)
        parts[number in apart].extend(first + step for step in range(steps) if step not in one.noise)
        first += steps
    return np.array(parts[0], np.int64), np.array(parts[1], np.int64)


def _make_files(folder: Path, task: Task, steps: int) -> dict[str, NDArray[np.uint8]]:
    space = observations_of(task.config).space
    shapes = {name: (steps, *(part.shape or ())) for name, part in space.items()}
    needed = sum(math.prod(shape) for shape in shapes.values())
    free = shutil.disk_usage(folder).free
    if needed * SPARE_DISK > free:
        raise UserError(
            f"demonstrations: {steps:,} samples take {needed / 1e9:.1f} GB in {folder.parent}, where"
            f" {free / 1e9:.1f} GB are free; set TMPDIR to another folder"
        )
    return {
        name: open_memmap(_file(folder, number), "w+", np.uint8, shape)
        for number, (name, shape) in enumerate(shapes.items())
    }


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number}.npy"


def _forget_names(folder: Path) -> None:
    """Remove the files' names where the system allows it: nothing is left then, even after a kill."""
    for path in folder.glob("*.npy"):
        with contextlib.suppress(OSError):
            path.unlink()


def task_of(task: Task, demonstration: Demonstration) -> Task:
    """Return the task of one episode, from the demonstration's start state."""
    start = demonstration.start
    settings: dict[str, Any] = {"start": start.name, "starts": None, "archive": None, "goal": None}
    settings["max_steps"] = demonstration.episode.header.steps
    config = task.config.model_copy(update=settings)
    return Task(config, episodes_of(config, task.game, ((start, 1.0),)))


def _replay_all(jobs: Sequence[_Job]) -> Iterator[NDArray[np.float32]]:
    """Yield the rewards of each job, in order."""
    processes = min(available_cores(), len(jobs))
    if processes == 1:
        yield from map(_replay, jobs)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_replay, jobs)


def _replay(job: _Job) -> NDArray[np.float32]:
    """Write the samples of one episode. Returns the rewards. Raises UserError if the replay differs."""
    header = job.demonstration.episode.header
    rewards = np.zeros(job.steps, np.float32)
    with contextlib.closing(make_env(job.task)) as env:
        names = list(env.observation_space)  # type: ignore[call-overload]
        files = {name: open_memmap(_file(job.folder, number), "r+") for number, name in enumerate(names)}
        env.out = {name: np.empty(array.shape[1:], np.uint8) for name, array in files.items()}
        observed, _ = env.reset(options={"wait_frames": header.wait_frames})
        for step, action in enumerate(job.demonstration.episode.actions[: job.steps]):
            for name, array in files.items():
                array[job.first + step] = observed[name]
            observed, reward, *_ = env.step(action)
            rewards[step] = reward
            verify_step(env, job.demonstration, step + 1)
    return rewards


def verify_step(env: RedEnv, demonstration: Demonstration, steps: int) -> None:
    """Raise UserError if the memory after ``steps`` is not that of the recording, where it has a hash."""
    header, last = demonstration.episode.header, steps == demonstration.episode.header.steps
    if not last and steps % header.hash_every:
        return
    recorded = demonstration.episode.hashes[(steps - 1) // header.hash_every]
    if memory_hash(env.emulator.memory, last) != recorded:
        raise UserError(
            f"demonstration {demonstration.name}: its replay differs from the recording at step {steps:,}; it"
            f" was played with {header.emulator}, and this is {VERSION}"
        )
