"""What runs on another machine: a crew of emulator workers behind methods that take bytes and give bytes.

It imports neither torch nor stable-baselines3, nor Ray, which calls it. Calls come one after the other, so
that a request is answered after the steps that were asked for before it.
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
"""Bytes: what is larger than 100,000 goes through Ray's object stores, which takes ten times as long."""
SMALLEST_HALF = 8
"""Environments: with fewer, a message costs as much as the steps that it is about."""
Makers = Callable[[Sequence[int], Sequence[int]], list[EnvFn]]
"""Given indices of environments in the run, and for each the number of its first episode, what makes them."""


def halves(count: int) -> int:
    """In how many groups an actor steps ``count`` environments: two, of which one steps while the results of
    the other are under way, where that leaves them large enough."""
    return 2 if count >= 2 * SMALLEST_HALF else 1


@dataclass(frozen=True)
class ActorSpec:
    """What all actors of a run have in common; ``workers`` is the number of their processes."""

    makers: Makers
    space: gymnasium.Space[Any]
    workers: int
    step_timeout: float
    compress: bool


def pieces_of(packing: Packing, group: int, compress: bool) -> int:
    """In how many pieces the result of a step of ``group`` environments comes."""
    return 1 if compress else -(-packing.step_size(group) // PIECE)


def _answered(method: Callable[..., bytes]) -> Callable[..., bytes]:
    """An exception is an answer too, in words: what Ray makes of one would be unpickled at the other end."""

    @wraps(method)
    def answer(self: EmulatorActor, order: bytes) -> bytes:
        try:
            return DONE + method(self, order)
        except Exception as error:
            text = str(error) if isinstance(error, UserError) else traceback.format_exc()
            return ERROR + encode({"kind": type(error).__name__, "text": text, "says": str(error)})

    return answer


class EmulatorActor:
    """Some environments of a run, in worker processes of the machine that it runs on."""

    def __init__(self, terms: ActorSpec) -> None:
        self._terms = terms

    @_answered
    def start(self, order: bytes) -> bytes:
        """Make the environments ``indices``, whose first episodes have the numbers ``episodes``."""
        wanted, terms = decode(order), self._terms
        makers = terms.makers(wanted["indices"], wanted["episodes"])
        layout = make_layout(terms.space, len(makers))
        workers = min(terms.workers, len(makers))
        self._packing = Packing(layout, terms.space)
        self._crew = WorkerPool(makers, workers, halves(len(makers)), layout, terms.step_timeout)
        # Whose last observation the trainer has as it is here: requests may change it at either end.
        self._known = np.zeros(len(makers), np.bool_)
        return encode({"machine": socket.gethostname()})

    @_answered
    def reset(self, order: bytes) -> bytes:
        """Begin episodes with ``seeds`` and ``options``: the first observations, group by group."""
        wanted, crew = decode(order), self._crew
        crew.base_seed = wanted["seeds"][0] or 0
        crew.reset(wanted["seeds"], wanted["options"])
        self._known[:] = False
        infos, crew.reset_infos = crew.reset_infos, {}
        message = [encode({str(index): info for index, info in infos.items()})]
        message.insert(0, len(message[0]).to_bytes(4, "little"))
        for group, part in enumerate(crew.groups):
            message += self._packing.observations(crew.arrays, (crew.buffer[group], part))
        return shrink(b"".join(message), self._terms.compress)

    def step(self, order: bytes) -> bytes | list[bytes]:
        """Step the group of the first byte with the actions that follow; the result in pieces."""
        group = order[0]
        count = self._crew.groups[group].stop - self._crew.groups[group].start
        pieces = pieces_of(self._packing, count, self._terms.compress)
        answer = self._step(order)
        return cut(answer, pieces, PIECE) if pieces > 1 else answer

    @_answered
    def _step(self, order: bytes) -> bytes:
        crew, group = self._crew, order[0]
        part = crew.groups[group]
        crew.arrays["actions"][part] = np.frombuffer(order[1:], np.int64)
        crew.arrays["rewards"][part] = np.nan  # a slot that nobody writes shows
        crew.step(group)
        rest, lost = crew.wait(group)
        for index in lost:
            end_lost_episode(crew, group, index)
            restarted = {"reset_info": crew.reset_infos.pop(index, {})}
            rest[index] = {**restarted, **rest.get(index, {})}
        own = {index - part.start: told for index, told in rest.items()}
        message = self._packing.step(crew.arrays, crew.buffer[group], part, own, self._known[part])
        self._known[part] = True
        return shrink(message, self._terms.compress)

    @_answered
    def ask(self, order: bytes) -> bytes:
        """A request of ``WorkerPool.ask`` about the environments ``chosen``."""
        wanted = decode(order)
        self._known[:] = False
        return encode(ask_each(self._crew, wanted["chosen"], *wanted["request"], last=_last(wanted)))

    def end(self) -> None:
        """End the workers."""
        self._crew.close()


def _last(wanted: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(wanted["last"])
