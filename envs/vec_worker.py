"""One worker process of EmulatorVecEnv: a few environments, stepped in turn, results written in place.

It imports neither torch nor stable-baselines3. Messages: a step is two bytes (group, buffer) and its answer
one byte, or pickled infos where one has more than its reward components; everything else is rare and pickled.
Both ends of the pipe are this program's own processes.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import pickle
import signal
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import cloudpickle
import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.episode_stats import COMPONENTS
from envs.red_env import RedEnv
from envs.shared_arrays import BUFFERS, Layout, view

DONE = b"\x01"
"""Answer to a step whose infos held nothing but reward components."""
ANSWER = b"\x02"
ERROR = b"\x03"


@dataclass(frozen=True)
class Task:
    """What a worker is given: how to make its environments (cloudpickled), their indices, the block."""

    env_fns: bytes
    groups: tuple[tuple[int, ...], ...]
    block: ctypes.Array[ctypes.c_uint8]
    layout: Layout


@dataclass(frozen=True)
class Start:
    """One environment's next episode, and the buffer that its first observation goes to."""

    index: int
    buffer: int
    seed: int | None
    options: dict[str, Any]


class Worker:
    """The environments of one process, by their index in the whole."""

    def __init__(self, task: Task) -> None:
        indices = [index for group in task.groups for index in group]
        self.groups = task.groups
        self.envs: dict[int, gymnasium.Env[Any, Any]] = {
            index: make() for index, make in zip(indices, cloudpickle.loads(task.env_fns), strict=True)
        }
        self.layout = task.layout
        self.arrays = view(task.block, task.layout)
        self._slots = {
            (buffer, index): self._slot(buffer, index) for buffer in range(BUFFERS) for index in indices
        }
        # What exists now stays: without this, garbage collection walks through all of it now and then.
        gc.collect()
        gc.freeze()

    def _slot(self, buffer: int, index: int) -> dict[str, NDArray[Any]]:
        """Where an observation goes: its arrays in shared memory by name."""
        return {key: self.arrays[f"obs/{key}"][buffer, index] for key in self.layout.observation_keys}

    def write(self, array: str, where: tuple[int, ...], observation: Any) -> None:
        """Put an observation into ``obs`` or ``terminal`` at index ``where``."""
        if self.layout.single:
            self.arrays[f"{array}/"][where] = observation
            return
        for key in self.layout.observation_keys:
            self.arrays[f"{array}/{key}"][where] = observation[key]

    def step(self, group: int, buffer: int) -> bytes:
        """Step every environment of ``group``; the answer for the parent."""
        indices, actions = self.groups[group], self.arrays["actions"].tolist()
        envs = [self.envs[index] for index in indices]
        games: list[RedEnv] = [env for env in envs if type(env) is RedEnv]
        if len(games) == len(envs):  # all frames first: either half of a step likes the caches for itself
            for index, game in zip(indices, games, strict=True):
                game.out = self._slots[buffer, index]
                game.press(actions[index])
            results: list[tuple[Any, ...]] = [game.look() for game in games]
        else:
            results = [env.step(np.int64(actions[index])) for env, index in zip(envs, indices, strict=True)]
        rest = {}
        for index, result in zip(indices, results, strict=True):
            info = self._store(index, buffer, result)
            if info:
                rest[index] = info
        return ANSWER + pickle.dumps(rest) if rest else DONE

    def _store(self, index: int, buffer: int, result: tuple[Any, ...]) -> dict[str, Any]:
        """Put what an environment's step gave into shared memory; the answer is what has no place there."""
        arrays = self.arrays
        observation, reward, terminated, truncated, info = result
        arrays["rewards"][index] = reward
        arrays["terminated"][index], arrays["truncated"][index] = terminated, truncated
        rest = self._take_components(index, info)
        if terminated or truncated:
            self.write("terminal", (index,), observation)
            observation, rest["reset_info"] = self.envs[index].reset()
        if observation is not self._slots[buffer, index]:
            self.write("obs", (buffer, index), observation)
        return rest

    def _take_components(self, index: int, info: dict[str, Any]) -> dict[str, Any]:
        components = info.get("reward_components")
        plain = isinstance(components, dict) and tuple(components) == COMPONENTS
        self.arrays["has_components"][index] = plain
        if not plain:
            return {"info": info} if info else {}
        assert components is not None
        self.arrays["components"][index] = tuple(components.values())
        rest = {key: value for key, value in info.items() if key != "reward_components"}
        return {"info": rest} if rest else {}

    def reset(self, starts: Sequence[Start]) -> dict[int, dict[str, Any]]:
        """Begin episodes; their reset infos by environment."""
        infos = {}
        for start in starts:
            chosen = {"options": start.options} if start.options else {}
            observation, infos[start.index] = self.envs[start.index].reset(seed=start.seed, **chosen)
            self.write("obs", (start.buffer, start.index), observation)
        return infos

    def call(self, name: str, indices: Sequence[int], args: Any, kwargs: Any) -> list[Any]:
        """A method of each environment."""
        return [self.envs[index].get_wrapper_attr(name)(*args, **kwargs) for index in indices]

    def get(self, name: str, indices: Sequence[int]) -> list[Any]:
        """An attribute of each environment."""
        return [self.envs[index].get_wrapper_attr(name) for index in indices]

    def set(self, name: str, value: Any, indices: Sequence[int]) -> list[None]:
        """Set an attribute of each environment."""
        for index in indices:
            setattr(self.envs[index], name, value)
        return [None for _ in indices]

    def is_wrapped(
        self, wrapper: type[gymnasium.Wrapper[Any, Any, Any, Any]], indices: Sequence[int]
    ) -> list[bool]:
        """Whether each environment wears ``wrapper``."""
        return [_wears(self.envs[index], wrapper) for index in indices]

    def close(self) -> None:
        """Close every environment."""
        for env in self.envs.values():
            env.close()


def _wears(env: gymnasium.Env[Any, Any], wrapper: type[Any]) -> bool:
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, wrapper):
            return True
        env = env.env
    return False


def run(connection: Connection, task: Task) -> None:
    """The process: answer messages until the parent closes the connection or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    worker: Worker | None = None
    try:
        worker = Worker(task)
        connection.send_bytes(DONE)
        while True:
            message = connection.recv_bytes()
            if len(message) == 2:
                connection.send_bytes(worker.step(message[0], message[1]))
            else:
                connection.send_bytes(_answer(worker, message))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone, or done with us
    except Exception as error:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send_bytes(_error(error, fatal=True))
    finally:
        if worker is not None:
            worker.close()


def _answer(worker: Worker, message: bytes) -> bytes:
    """A request's result, or its exception, which is the caller's to handle: has_attr() asks and fails."""
    name, arguments = pickle.loads(message)  # noqa: S301 - from our parent
    try:
        return ANSWER + bytes(cloudpickle.dumps(getattr(worker, name)(*arguments)))
    except Exception as error:
        return _error(error, fatal=False)


def _error(error: Exception, fatal: bool) -> bytes:
    """An exception with its traceback; the text alone where the exception cannot be sent."""
    text = traceback.format_exc()
    try:
        pickle.loads(cloudpickle.dumps(error))  # noqa: S301 - many can be pickled and not made again
        return ERROR + bytes(cloudpickle.dumps((error, fatal, text)))
    except Exception:
        return ERROR + pickle.dumps((None, fatal, text))
