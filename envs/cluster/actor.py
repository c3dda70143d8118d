"""Ray actor that runs on another machine: a pool of emulator workers whose methods take and return bytes.

It imports neither torch nor stable-baselines3, nor Ray, which calls it. Ray runs calls one after the other,
so a request is answered after the steps requested before it.
"""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import gymnasium
import numpy as np

from envs.cluster.messages import cut, decode, encode, shrink
from envs.cluster.packing import Packing
from envs.errors import UserError
from envs.workers.pool import WorkerPool
from envs.workers.pool_protocol import EnvFn, ask_each, end_lost_episode
from envs.workers.shared_memory import make_layout

DONE, ERROR = b"\x01", b"\x02"
PIECE = 90_000
"""Bytes: a result above 100,000 goes through Ray's object stores, which takes ten times as long."""
SMALLEST_HALF = 8
"""Environments: with fewer, a message costs as much as the steps it reports."""
Makers = Callable[[Sequence[int], Sequence[int]], list[EnvFn]]
"""From environment indices, and the number of each one's first episode, to functions that create them."""


def halves(count: int) -> int:
    """Return the number of groups in which an actor steps ``count`` environments.

    Two if they are large enough: one then steps while the results of the other are under way.
    """
    return 2 if count >= 2 * SMALLEST_HALF else 1


@dataclass(frozen=True)
class ActorSpec:
    """Settings common to all actors of a run; ``workers`` is the number of processes of each."""

    makers: Makers
    space: gymnasium.Space[Any]
    workers: int
    step_timeout: float
    compress: bool


def pieces_of(packing: Packing, group: int, compress: bool) -> int:
    """Return the number of pieces in which the result of a step of ``group`` environments is sent."""
    return 1 if compress else -(-packing.step_size(group) // PIECE)


def _answered(method: Callable[..., bytes]) -> Callable[..., bytes]:
    """Send exceptions as text: those that Ray passes on would be unpickled at the other end."""

    @wraps(method)
    def answer(self: EmulatorActor, order: bytes) -> bytes:
        try:
            return DONE + method(self, order)
        except Exception as error:
            text = str(error) if isinstance(error, UserError) else traceback.format_exc()
            return ERROR + encode({"kind": type(error).__name__, "text": text, "says": str(error)})

    return answer


class EmulatorActor:
    """Some environments of a run, in worker processes on the actor's machine."""

    def __init__(self, spec: ActorSpec) -> None:
        self._spec = spec

    @_answered
    def start(self, order: bytes) -> bytes:
        """Create the environments ``indices``, whose first episodes have the numbers ``episodes``."""
        wanted, spec = decode(order), self._spec
        makers = spec.makers(wanted["indices"], wanted["episodes"])
        layout = make_layout(spec.space, len(makers))
        workers = min(spec.workers, len(makers))
        self._packing = Packing(layout, spec.space)
        self._pool = WorkerPool(makers, workers, halves(len(makers)), layout, spec.step_timeout)
        # Environments whose last observation is the same here and at the trainer; requests may change either.
        self._known = np.zeros(len(makers), np.bool_)
        return encode({"machine": socket.gethostname()})

    @_answered
    def reset(self, order: bytes) -> bytes:
        """Begin episodes with ``seeds`` and ``options``; return the first observations, group by group."""
        wanted, pool = decode(order), self._pool
        pool.base_seed = wanted["seeds"][0] or 0
        pool.reset(wanted["seeds"], wanted["options"])
        self._known[:] = False
        infos, pool.reset_infos = pool.reset_infos, {}
        message = [encode({str(index): info for index, info in infos.items()})]
        message.insert(0, len(message[0]).to_bytes(4, "little"))
        for group, part in enumerate(pool.groups):
            message += self._packing.observations(pool.arrays, (pool.buffer[group], part))
        return shrink(b"".join(message), self._spec.compress)

    def step(self, order: bytes) -> bytes | list[bytes]:
        """Step the group in the first byte with the actions that follow; return the result in pieces."""
        group = order[0]
        count = self._pool.groups[group].stop - self._pool.groups[group].start
        pieces = pieces_of(self._packing, count, self._spec.compress)
        answer = self._step(order)
        return cut(answer, pieces, PIECE) if pieces > 1 else answer

    @_answered
    def _step(self, order: bytes) -> bytes:
        pool, group = self._pool, order[0]
        part = pool.groups[group]
        pool.arrays["actions"][part] = np.frombuffer(order[1:], np.int64)
        pool.arrays["rewards"][part] = np.nan  # a slot that is never written is noticed
        pool.step(group)
        rest, lost = pool.wait(group)
        for index in lost:
            end_lost_episode(pool, group, index)
            restarted = {"reset_info": pool.reset_infos.pop(index, {})}
            rest[index] = {**restarted, **rest.get(index, {})}
        own = {index - part.start: infos for index, infos in rest.items()}
        message = self._packing.step(pool.arrays, pool.buffer[group], part, own, self._known[part])
        self._known[part] = True
        return shrink(message, self._spec.compress)

    @_answered
    def ask(self, order: bytes) -> bytes:
        """Answer a request of ``WorkerPool.ask`` about the environments ``chosen``."""
        wanted = decode(order)
        self._known[:] = False
        return encode(ask_each(self._pool, wanted["chosen"], *wanted["request"], last=_last(wanted)))

    def end(self) -> None:
        """Stop the workers."""
        self._pool.close()


def _last(wanted: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(wanted["last"])
