"""A worker process of EmulatorVecEnv: steps several environments in turn and writes results in place.

It imports neither torch nor stable-baselines3. A step request is two bytes (group, buffer). Its answer is one
byte, or pickled infos if any info holds more than reward components and cell. All other messages are rare
and are pickled. Both ends of the channel are this program's own processes.
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
from typing import Any

import cloudpickle
import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.cells import BITS, NO_CELL
from envs.lasting_output import outlast_readers
from envs.red_env import RedEnv
from envs.reward_components import COMPONENTS
from envs.workers.channel import Channel
from envs.workers.cpu_affinity import Cores
from envs.workers.shared_memory import BUFFERS, OUTCOME, ArrayLayout, outcomes, view

NO_COMPONENTS = (0.0,) * len(COMPONENTS)
DONE = b"\x01"
"""Answer to a step whose infos contain only what fits into the shared record."""
ANSWER = b"\x02"
ERROR = b"\x03"


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker receives at its start.

    Its number, the functions that create its environments (cloudpickled), their indices by group, the shared
    block and its layout, and the record of when and where steps finish.
    """

    number: int
    env_fns: bytes
    groups: tuple[tuple[int, ...], ...]
    block: ctypes.Array[ctypes.c_uint8]
    layout: ArrayLayout
    cores: Cores


@dataclass(frozen=True)
class Start:
    """One environment's next episode, and the buffer for its first observation."""

    index: int
    buffer: int
    seed: int | None
    options: dict[str, Any]


class Worker:
    """The environments of one process, by their index in the vector environment."""

    def __init__(self, spec: WorkerSpec) -> None:
        indices = [index for group in spec.groups for index in group]
        self.groups = spec.groups
        self.envs: dict[int, gymnasium.Env[Any, Any]] = {
            index: make()  # unpickled from what our parent sent, never from a file
            for index, make in zip(indices, cloudpickle.loads(spec.env_fns), strict=True)
        }
        self.layout = spec.layout
        self.arrays, self._outcomes = view(spec.block, spec.layout), outcomes(spec.block, spec.layout)
        self._parts = [slice(group[0], group[-1] + 1) if group else slice(0) for group in spec.groups]
        self._slots = {
            (buffer, index): self._slot(buffer, index) for buffer in range(BUFFERS) for index in indices
        }
        # All objects made so far stay: without this, every full garbage collection would visit them.
        gc.collect()
        gc.freeze()

    def _slot(self, buffer: int, index: int) -> dict[str, NDArray[Any]]:
        """Return the arrays of one observation in shared memory, by name."""
        return {key: self.arrays[f"obs/{key}"][buffer, index] for key in self.layout.observation_keys}

    def write(self, array: str, where: tuple[int, ...], observation: Any) -> None:
        """Write an observation to ``obs`` or ``terminal`` at index ``where``."""
        if self.layout.single:
            self.arrays[f"{array}/"][where] = observation
            return
        for key in self.layout.observation_keys:
            self.arrays[f"{array}/{key}"][where] = observation[key]

    def step(self, group: int, buffer: int) -> bytes:
        """Step every environment of ``group``; return the answer for the parent."""
        actions = self.arrays["actions"][self._parts[group]].tolist()
        rest: dict[int, dict[str, Any]] = {}
        for index, result in zip(self.groups[group], self._play(group, buffer, actions), strict=True):
            observation, reward, terminated, truncated, info = result
            sums, cell = _take_components(info), _take_cell(info)
            OUTCOME.pack_into(
                self._outcomes, index * OUTCOME.size,
                reward, terminated, truncated, sums is not None, cell, *(sums or NO_COMPONENTS),
            )  # fmt: skip
            if info:
                rest[index] = {"info": info}
            if terminated or truncated:
                self.write("terminal", (index,), observation)
                observation, reset_info = self.envs[index].reset()
                rest.setdefault(index, {})["reset_info"] = reset_info
            if observation is not self._slots[buffer, index]:
                self.write("obs", (buffer, index), observation)
        return ANSWER + pickle.dumps(rest) if rest else DONE

    def _play(self, group: int, buffer: int, actions: list[int]) -> list[Any]:
        """Return what step() of each environment returns."""
        envs = [self.envs[index] for index in self.groups[group]]
        games: list[RedEnv] = [env for env in envs if type(env) is RedEnv]
        if len(games) < len(envs):
            return [env.step(np.int64(action)) for env, action in zip(envs, actions, strict=True)]
        # All frames first: the code and data of look() then stay in the CPU caches from one game to the next.
        for index, game, action in zip(self.groups[group], games, actions, strict=True):
            game.out = self._slots[buffer, index]
            game.press(action)
        return [game.look() for game in games]

    def reset(self, starts: Sequence[Start]) -> dict[int, dict[str, Any]]:
        """Begin episodes; return their reset infos by environment."""
        infos = {}
        for start in starts:
            chosen = {"options": start.options} if start.options else {}
            observation, infos[start.index] = self.envs[start.index].reset(seed=start.seed, **chosen)
            self.write("obs", (start.buffer, start.index), observation)
        return infos

    def call(self, name: str, indices: Sequence[int], args: Any, kwargs: Any) -> list[Any]:
        """Call a method of each environment."""
        return [self.envs[index].get_wrapper_attr(name)(*args, **kwargs) for index in indices]

    def get(self, name: str, indices: Sequence[int]) -> list[Any]:
        """Return an attribute of each environment."""
        return [self.envs[index].get_wrapper_attr(name) for index in indices]

    def has(self, name: str, indices: Sequence[int]) -> list[bool]:
        """Whether each environment has an attribute, which need not be one that can be sent."""
        return [self.envs[index].has_wrapper_attr(name) for index in indices]

    def set(self, name: str, value: Any, indices: Sequence[int]) -> list[None]:
        """Set an attribute of each environment."""
        for index in indices:
            setattr(self.envs[index], name, value)
        return [None for _ in indices]

    def is_wrapped(self, wrapper: str, indices: Sequence[int]) -> list[bool]:
        """Whether each environment is wrapped in the class with the full name ``wrapper``.

        By name, because unpickling a class imports its module: stable-baselines3 asks for its Monitor, which
        would import torch.
        """
        return [_has_wrapper(self.envs[index], wrapper) for index in indices]

    def close(self) -> None:
        """Close every environment."""
        for env in self.envs.values():
            env.close()


def _take_components(info: dict[str, Any]) -> tuple[float, ...] | None:
    """Remove the reward components from ``info`` and return them in the order of COMPONENTS, or None."""
    components = info.get("reward_components")
    if not isinstance(components, dict) or tuple(components) != COMPONENTS:
        return None
    del info["reward_components"]
    return tuple(components.values())


def _take_cell(info: dict[str, Any]) -> int:
    """Remove the number of the cell from ``info`` and return it, or NO_CELL."""
    cell = info.get("cell")
    if type(cell) is not int or not NO_CELL < cell <= BITS:
        return NO_CELL
    del info["cell"]
    return cell


def _has_wrapper(env: gymnasium.Env[Any, Any], wrapper: str) -> bool:
    while isinstance(env, gymnasium.Wrapper):
        if wrapper in (full_name(own) for own in type(env).__mro__):
            return True
        env = env.env
    return False


def full_name(kind: type[Any]) -> str:
    """Return the module and qualified name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def run(channel: Channel, spec: WorkerSpec) -> None:
    """Main function of the process: answer messages until the parent closes the channel or dies."""
    # Ctrl-C, a closed terminal and the signals of a batch system reach the whole process group. The parent
    # decides what to do, and closes the channel.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    outlast_readers()  # what a user's term prints must not end the worker
    worker: Worker | None = None
    try:
        worker = Worker(spec)
        channel.send(DONE)
        while True:
            message = channel.receive()
            if len(message) == 2:
                answer = worker.step(message[0], message[1])
                spec.cores.note(spec.number)
                channel.send(answer)
            else:
                channel.send(_answer(worker, message))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent died or closed the channel
    except Exception as error:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            channel.send(_error(error, fatal=True))
    finally:
        if worker is not None:
            worker.close()


def _answer(worker: Worker, message: bytes) -> bytes:
    """Return a request's result, or its exception for the caller to handle (has_attr() relies on one)."""
    name, arguments = pickle.loads(message)  # noqa: S301 - from our parent
    try:
        return ANSWER + bytes(cloudpickle.dumps(getattr(worker, name)(*arguments)))
    except Exception as error:
        return _error(error, fatal=False)


def _error(error: Exception, fatal: bool) -> bytes:
    """Encode an exception with its traceback, or the traceback alone if the exception cannot be pickled."""
    text = traceback.format_exc()
    try:
        pickle.loads(cloudpickle.dumps(error))  # noqa: S301 - many can be pickled but not unpickled
        return ERROR + bytes(cloudpickle.dumps((error, fatal, text)))
    except Exception:  # anything a user-defined exception class raises when it is unpickled
        return ERROR + pickle.dumps((None, fatal, text))
