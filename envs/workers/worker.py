"""One worker process of EmulatorVecEnv: a few environments, stepped in turn, results written in place.

It imports neither torch nor stable-baselines3. Messages: a step is two bytes (group, buffer) and its answer
one byte, or pickled infos where one has more than its reward components; everything else is rare and pickled.
Both ends of the channel are this program's own processes.
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

from envs.red_env import RedEnv
from envs.reward_components import COMPONENTS
from envs.workers.channel import Channel
from envs.workers.cpu_affinity import Cores
from envs.workers.shared_memory import BUFFERS, OUTCOME, ArrayLayout, outcomes, view

NO_COMPONENTS = (0.0,) * len(COMPONENTS)
DONE = b"\x01"
"""Answer to a step whose infos held nothing but reward components."""
ANSWER = b"\x02"
ERROR = b"\x03"


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker is given: its number, how to make its environments (cloudpickled), their indices, the
    block, and where it notes the end of a step."""

    number: int
    env_fns: bytes
    groups: tuple[tuple[int, ...], ...]
    block: ctypes.Array[ctypes.c_uint8]
    layout: ArrayLayout
    cores: Cores


@dataclass(frozen=True)
class Start:
    """One environment's next episode, and the buffer that its first observation goes to."""

    index: int
    buffer: int
    seed: int | None
    options: dict[str, Any]


class Worker:
    """The environments of one process, by their index in the whole."""

    def __init__(self, task: WorkerSpec) -> None:
        indices = [index for group in task.groups for index in group]
        self.groups = task.groups
        self.envs: dict[int, gymnasium.Env[Any, Any]] = {
            index: make()  # unpickled is what our parent sent, never a file
            for index, make in zip(indices, cloudpickle.loads(task.env_fns), strict=True)
        }
        self.layout = task.layout
        self.arrays, self._outcomes = view(task.block, task.layout), outcomes(task.block, task.layout)
        self._parts = [slice(group[0], group[-1] + 1) if group else slice(0) for group in task.groups]
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
        actions = self.arrays["actions"][self._parts[group]].tolist()
        rest: dict[int, dict[str, Any]] = {}
        for index, result in zip(self.groups[group], self._play(group, buffer, actions), strict=True):
            observation, reward, terminated, truncated, info = result
            sums = _take_components(info)
            OUTCOME.pack_into(
                self._outcomes, index * OUTCOME.size,
                reward, terminated, truncated, sums is not None, *(sums or NO_COMPONENTS),
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
        """What step() of each environment gives."""
        envs = [self.envs[index] for index in self.groups[group]]
        games: list[RedEnv] = [env for env in envs if type(env) is RedEnv]
        if len(games) < len(envs):
            return [env.step(np.int64(action)) for env, action in zip(envs, actions, strict=True)]
        # All frames first: what looking needs then stays in the processor's caches from one game to the next.
        for index, game, action in zip(self.groups[group], games, actions, strict=True):
            game.out = self._slots[buffer, index]
            game.press(action)
        return [game.look() for game in games]

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

    def is_wrapped(self, wrapper: str, indices: Sequence[int]) -> list[bool]:
        """Whether each environment wears a wrapper of the class with the full name ``wrapper``.

        By name, since a class would bring its module along: stable-baselines3 asks for its Monitor, and torch
        would come with it.
        """
        return [_wears(self.envs[index], wrapper) for index in indices]

    def close(self) -> None:
        """Close every environment."""
        for env in self.envs.values():
            env.close()


def _take_components(info: dict[str, Any]) -> tuple[float, ...] | None:
    """Take the reward components out of ``info``, in the order of COMPONENTS; None when there are none."""
    components = info.get("reward_components")
    if not isinstance(components, dict) or tuple(components) != COMPONENTS:
        return None
    del info["reward_components"]
    return tuple(components.values())


def _wears(env: gymnasium.Env[Any, Any], wrapper: str) -> bool:
    while isinstance(env, gymnasium.Wrapper):
        if wrapper in (full_name(own) for own in type(env).__mro__):
            return True
        env = env.env
    return False


def full_name(kind: type[Any]) -> str:
    """A class by its module and name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def run(channel: Channel, task: WorkerSpec) -> None:
    """The process: answer messages until the parent closes the channel or is gone."""
    # Ctrl-C, and what a batch system sends, reach the whole group; the parent decides, and then hangs up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker: Worker | None = None
    try:
        worker = Worker(task)
        channel.send(DONE)
        while True:
            message = channel.receive()
            if len(message) == 2:
                answer = worker.step(message[0], message[1])
                task.cores.note(task.number)
                channel.send(answer)
            else:
                channel.send(_answer(worker, message))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone, or done with us
    except Exception as error:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            channel.send(_error(error, fatal=True))
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
    except Exception:  # whatever a class of the user's own raises as it is made again
        return ERROR + pickle.dumps((None, fatal, text))
