"""The contenders of the benchmark, each run in its own process, which reports what its actions cost.

A process reads seconds from standard input, a line each, and answers with lines of JSON on standard output.
``training/benchmarks/runner.py`` is at the other end.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import psutil

from envs.game_boy.emulator import BUTTONS, Emulator
from envs.red_env import EnvConfig, RedEnv
from training.cli.parsing import run_program
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.local import env_makers, make_env
from training.environments.task import Task, resolve_task
from training.environments.vectorized import task_vec_env
from training.make_env import make_vec_env

if TYPE_CHECKING:
    from stable_baselines3.common.callbacks import BaseCallback

FORK_SERVER = ("forkserver", "resource_tracker")


class Contender(Protocol):
    """Anything that takes actions."""

    def run(self, seconds: float) -> int:
        """Take actions for about ``seconds``. Returns how many, at least one."""

    def close(self) -> None:
        """End its processes."""


# --- bare emulators: the upper bound of the machine ---


def _bare_worker(connection: Connection, episodes: EnvConfig, number: int) -> None:
    emulators = [Emulator(episodes.game.rom) for _ in range(number)]
    for emulator in emulators:
        emulator.load_state(episodes.start.data)
    rng = np.random.default_rng(number)
    connection.send(None)
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            seconds, taken = connection.recv(), 0  # the clock starts when the request arrives
            end = time.perf_counter() + seconds
            while not taken or time.perf_counter() < end:
                for emulator, button in zip(emulators, rng.integers(len(BUTTONS), size=number), strict=True):
                    emulator.act(BUTTONS[button], episodes.action_frames, episodes.held_frames)
                taken += number
            connection.send(taken)


class Bare:
    """Emulators alone, which take random actions in one process per core."""

    def __init__(self, config: TrainConfig, cores: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connections: list[Connection] = []
        task = resolve_task(config)
        for part in np.array_split(np.arange(config.num_envs), min(cores, config.num_envs)):
            ours, theirs = context.Pipe()
            context.Process(target=_bare_worker, args=(theirs, task.episodes, len(part)), daemon=True).start()
            self._connections.append(ours)
        for connection in self._connections:
            connection.recv()

    def run(self, seconds: float) -> int:
        for connection in self._connections:
            connection.send(seconds)
        return sum(connection.recv() for connection in self._connections)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


# --- environments that take random actions ---


class Lockstep:
    """Any VecEnv, with all environments stepped together."""

    def __init__(self, env: Any) -> None:
        self.env, self._rng = env, np.random.default_rng(0)
        env.seed(0)
        env.reset()

    def run(self, seconds: float) -> int:
        end, taken, number = time.perf_counter() + seconds, 0, self.env.num_envs
        while not taken or time.perf_counter() < end:
            self.env.step(self._rng.integers(len(BUTTONS), size=number))
            taken += number
        return taken

    def close(self) -> None:
        self.env.close()


class InGroups(Lockstep):
    """EmulatorVecEnv: one group steps while actions are drawn for the other."""

    def run(self, seconds: float) -> int:
        end, taken, env = time.perf_counter() + seconds, 0, self.env
        groups = range(len(env.groups))
        for group in groups:
            self._send(group)
        while not taken or time.perf_counter() < end:
            for group in self._ready():
                env.wait_group(group)
                taken += self._send(group)
        for group in groups:
            env.wait_group(group)
        return taken + int(env.num_envs)

    def _ready(self) -> Iterable[int]:
        """The groups to step next."""
        return range(len(self.env.groups))

    def _send(self, group: int) -> int:
        """Send random actions. Returns how many."""
        part = self.env.groups[group]
        size = int(part.stop - part.start)
        self.env.step_group(group, self._rng.integers(len(BUTTONS), size=size))
        return size


class AsTheyCome(InGroups):
    """RayVecEnv: every group is stepped again as soon as its result arrives."""

    def _ready(self) -> Iterable[int]:
        news = self.env.next_news(1.0)
        return () if news is None else (news[0],)


def _stable_baselines(config: TrainConfig, in_processes: bool) -> Any:
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

    makers: list[Any] = list(env_makers(resolve_task(config), config.num_envs))
    return SubprocVecEnv(makers) if in_processes else DummyVecEnv(makers)


# --- with a policy ---


class Rollouts:
    """This project's PPO, with or without updates."""

    def __init__(self, task: Task, learn: bool) -> None:
        from stable_baselines3.common.callbacks import CallbackList

        from callbacks.performance import Performance
        from training.ppo.build import build_model
        from training.start_archive.callback import StartArchive

        config = task.config
        self.performance, self._learn = Performance(), learn
        self.model = build_model(config, task_vec_env(task))
        self.callbacks: list[BaseCallback] = [self.performance]
        if config.archive is not None:
            self.callbacks.append(StartArchive(config.archive, config.n_steps, config.max_steps, config.seed))
        _, self._callback = self.model._setup_learn(10**12, CallbackList(self.callbacks))
        self._callback.on_training_start({}, {})

    def run(self, seconds: float) -> int:
        end, before, model = time.perf_counter() + seconds, self.model.num_timesteps, self.model
        while time.perf_counter() < end:
            assert model.env is not None
            model.collect_rollouts(model.env, self._callback, model.rollout_buffer, model.n_steps)
            if self._learn:
                model.train()
        return model.num_timesteps - before

    def close(self) -> None:
        assert self.model.env is not None
        self.model.env.close()


class Stock:
    """stable-baselines3's PPO with its default network, on the same observations."""

    def __init__(self, config: TrainConfig, in_processes: bool) -> None:
        from stable_baselines3 import PPO

        self.model = PPO(
            "MultiInputPolicy",
            _stable_baselines(config, in_processes),
            n_steps=config.n_steps,
            batch_size=config.batch_size,
            n_epochs=config.n_epochs,
            device=config.device,
        )

    def run(self, seconds: float) -> int:
        end, before = time.perf_counter() + seconds, self.model.num_timesteps
        while self.model.num_timesteps == before or time.perf_counter() < end:
            self.model.learn(self.model.n_steps * self.model.n_envs, reset_num_timesteps=before == 0)
        return self.model.num_timesteps - before

    def close(self) -> None:
        assert self.model.env is not None
        self.model.env.close()


# --- the parts of a worker's step ---


class Halves:
    """A worker's environments in this process, to time emulation and observation separately.

    Times are in CPU seconds, which other programs do not affect.
    """

    def __init__(self, config: TrainConfig, cores: int) -> None:
        task = resolve_task(config)
        games = max(1, config.num_envs // cores)
        envs = [make_env(task) for _ in range(games)]
        self.groups = [group for group in (envs[: games // 2], envs[games // 2 :]) if group]
        self._rng = np.random.default_rng(0)
        self.seconds = {"emulator": 0.0, "looking": 0.0}
        for seed, env in enumerate(envs):
            env.out = {name: array.copy() for name, array in env.reset(seed=seed)[0].items()}
            env.emulator.act = partial(self._timed, env.emulator.act)  # type: ignore[method-assign]

    def _timed(self, act: Callable[..., None], *arguments: Any) -> None:
        began = time.process_time()
        act(*arguments)
        self.seconds["emulator"] += time.process_time() - began

    def run(self, seconds: float) -> int:
        end, taken = time.perf_counter() + seconds, 0
        while not taken or time.perf_counter() < end:
            for group in self.groups:
                taken += self._step(group, self._rng.integers(len(BUTTONS), size=len(group)).tolist())
        return taken

    def _step(self, group: list[RedEnv], actions: list[int]) -> int:
        """Step each environment, in the order in which a worker does."""
        began, emulated = time.process_time(), self.seconds["emulator"]
        for env, action in zip(group, actions, strict=True):
            env.press(action)
        ended = [any(env.look()[2:4]) for env in group]
        emulated = self.seconds["emulator"] - emulated
        self.seconds["looking"] += time.process_time() - began - emulated
        for env, over in zip(group, ended, strict=True):
            if over:
                env.reset()
        return len(group)

    def close(self) -> None:
        for group in self.groups:
            for env in group:
                env.close()


MAKERS: dict[str, Callable[[TrainConfig, int], Contender]] = {
    "bare": Bare,
    "emulators": lambda config, cores: InGroups(task_vec_env(resolve_task(config).on_this_machine()).venv),
    "ray": lambda config, cores: AsTheyCome(make_vec_env(config).venv),
    "subproc": lambda config, cores: Lockstep(_stable_baselines(config, in_processes=True)),
    "dummy": lambda config, cores: Lockstep(_stable_baselines(config, in_processes=False)),
    "rollouts": lambda config, cores: Rollouts(resolve_task(config).on_this_machine(), learn=False),
    "ray-rollouts": lambda config, cores: Rollouts(resolve_task(config), learn=False),
    "training": lambda config, cores: Rollouts(resolve_task(config), learn=True),
    "stock-subproc": lambda config, cores: Stock(config, in_processes=True),
    "stock-dummy": lambda config, cores: Stock(config, in_processes=False),
    "halves": Halves,
}


def _workers() -> list[psutil.Process]:
    """Processes that hold environments: children except Python's own helpers."""
    me, found = psutil.Process(), []
    for child in me.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            helper = any(name in " ".join(child.cmdline()) for name in FORK_SERVER)
            if not helper or child.ppid() != me.pid:  # a fork server's children have its command line
                found.append(child)
    return found


def _usage(contender: Contender) -> dict[str, Any]:
    """Resident bytes and CPU seconds of this process and of its workers."""
    usage: dict[str, Any] = {"rss": psutil.Process().memory_info().rss, "cpu": time.process_time()}
    usage["workers"], usage["workers_rss"], usage["workers_cpu"] = 0, 0, 0.0
    for worker in _workers():
        with suppress(psutil.NoSuchProcess):
            usage["workers"] += 1
            usage["workers_rss"] += worker.memory_info().rss
            usage["workers_cpu"] += sum(worker.cpu_times()[:2])
    if isinstance(contender, Halves):
        usage |= contender.seconds
    return usage


def main(arguments: Sequence[str]) -> int:
    """``NAME CORES SETTINGS``: make a contender, then answer every line "SECONDS" until the input ends."""
    name, cores, settings = arguments
    config = load_config(None, json.loads(settings))
    if name not in ("bare", "halves"):
        import stable_baselines3  # noqa: F401 - keep its import out of the measured start-up
    began = time.perf_counter()
    contender = MAKERS[name](config, int(cores))
    print(json.dumps({"ready": time.perf_counter() - began, **_usage(contender)}), flush=True)
    with suppress(KeyboardInterrupt):
        for line in sys.stdin:
            began = time.perf_counter()
            taken = contender.run(float(line))
            row = {"actions": taken, "seconds": time.perf_counter() - began, **_usage(contender)}
            print(json.dumps(row), flush=True)
    contender.close()
    return 0


if __name__ == "__main__":
    run_program(main)
