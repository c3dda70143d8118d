"""Environments of a RayVecEnv, stepped by Ray actors: what WorkerPool is to EmulatorVecEnv.

When an actor is lost, the episodes of its groups end. The groups are absent until the actor runs again on
some machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from envs.cluster.actor import ActorSpec, halves, pieces_of
from envs.cluster.actor_handle import ActorHandle, ActorPhase, ActorState, ActorTimeouts
from envs.cluster.actor_pool import SLICE, ActorPool, Numbers
from envs.cluster.messages import BadMessage, Bytes, decode, encode, grow
from envs.cluster.packing import Packing
from envs.cluster.ray_api import Cluster
from envs.workers.shared_memory import ArrayLayout, make_layout, other, outcomes, view


class RemotePool(ActorPool):
    """``count`` environments in actors of ``each``; see PoolProtocol and ActorPool.

    Requests about absent environments are answered with None.
    """

    def __init__(
        self,
        cluster: Cluster,
        spec: ActorSpec,
        count: int,
        each: int,
        timeouts: ActorTimeouts,
        episodes: Numbers,
    ) -> None:
        self.layout: ArrayLayout = make_layout(spec.space, count)
        block = np.zeros(self.layout.size, np.uint8)
        self.arrays, self.outcomes = view(block, self.layout), outcomes(block, self.layout)
        self.groups: list[slice] = []
        self._handle_of: list[ActorHandle] = []  # by group
        actors = [self._make_handle(number, range(first, min(first + each, count)))
                 for number, first in enumerate(range(0, count, each))]  # fmt: skip
        self.held = [list(handle.indices) for handle in actors]
        self.buffer = [0] * len(self.groups)
        self.reset_infos: dict[int, dict[str, Any]] = {}
        self._packing = Packing(self.layout, spec.space)
        self._phase = [ActorPhase.IDLE] * len(self.groups)
        self._early: dict[int, dict[int, dict[str, Any]]] = {}  # infos of results not taken yet
        self._broken: set[int] = set()  # groups whose episodes were lost while no step was under way
        self._news: dict[tuple[int, bool], None] = {}  # in order: a result arrived, or a group is back
        self._answers: dict[int, Any] = {}  # of requests, by actor
        super().__init__(cluster, spec, actors, timeouts, episodes)

    def _make_handle(self, number: int, indices: range) -> ActorHandle:
        first = len(self.groups)
        for part in np.array_split(np.array(indices), halves(len(indices))):
            self.groups.append(slice(int(part[0]), int(part[-1]) + 1))
        handle = ActorHandle(number, indices, range(first, len(self.groups)))
        self._handle_of += [handle] * len(handle.groups)
        return handle

    # --- steps ---

    def step(self, group: int) -> None:
        """Start a step of ``group`` with the actions in the arrays; waits first while the group is absent."""
        if self._phase[group] is ActorPhase.ABSENT:
            self.await_back(group)
        if self._phase[group] is not ActorPhase.IDLE:
            raise RuntimeError(f"group {group} is already stepping; wait for it first")
        handle, part = self._handle_of[group], self.groups[group]
        self.buffer[group] = self.other_buffer(group)
        self._phase[group] = ActorPhase.STEPPING
        if group in self._broken or handle.state is not ActorState.UP:
            self._end_episodes(group)
            return
        order = bytes((group - handle.groups[0],)) + self.arrays["actions"][part].tobytes()
        pieces = pieces_of(self._packing, part.stop - part.start, self._spec.compress)
        self._call(handle, "step", order, group, pieces)

    def wait(self, group: int) -> tuple[dict[int, dict[str, Any]], list[int]]:
        """Wait for the group's result; return infos by environment, and environments with lost episodes.

        The latter are absent until ``await_back``.
        """
        while self._phase[group] is ActorPhase.STEPPING:
            self._pump(SLICE)
        self._news.pop((group, True), None)
        if self._phase[group] is ActorPhase.ARRIVED:
            self._phase[group] = ActorPhase.IDLE
            return self._early.pop(group), []
        self._phase[group] = ActorPhase.ABSENT
        self._broken.discard(group)
        if group in self._handle_of[group].fresh:
            self._news[group, False] = None
        return {}, list(range(self.groups[group].start, self.groups[group].stop))

    def other_buffer(self, group: int) -> int:
        """Return the buffer with the observation before the last, which the next step overwrites."""
        return other(self.buffer[group])

    def next_news(self, seconds: float) -> tuple[int, bool] | None:
        """Wait up to ``seconds`` for a result or for the return of a lost group.

        Returns the group, and True for a result (to be taken with ``wait``) or False for a group that is back
        (see ``await_back``); None after the timeout. Each event is returned once.
        """
        end = self._clock.tick() + seconds
        while not self._news and self._clock.now < end:
            self._pump(min(SLICE, end - self._clock.now))
        if not self._news:
            return None
        event = next(iter(self._news))
        del self._news[event]
        return event

    def absent(self, group: int) -> bool:
        """Whether the group currently has no environments."""
        return self._phase[group] is ActorPhase.ABSENT

    def stepping(self, group: int) -> bool:
        """Whether a step of the group is under way or its result has not been taken yet."""
        return self._phase[group] in (ActorPhase.STEPPING, ActorPhase.ARRIVED, ActorPhase.LOST)

    def await_back(self, group: int) -> None:
        """Wait until a lost group has environments again; their first observations become its last ones."""
        handle = self._handle_of[group]
        while group not in handle.fresh:
            self._pump(SLICE)
        self._news.pop((group, False), None)
        self._phase[group] = ActorPhase.IDLE
        self._put_first(group, handle.fresh.pop(group))

    def _end_episodes(self, group: int) -> None:
        """End the group's episodes with the step under way; its last observations stay until it is back."""
        self._phase[group] = ActorPhase.LOST
        self._news[group, True] = None
        for key in self.layout.observation_keys:
            whole, part = self.arrays[f"obs/{key}"], self.groups[group]
            whole[self.buffer[group], part] = whole[self.other_buffer(group), part]

    def _put_first(self, group: int, data: Bytes) -> None:
        where = self.buffer[group], self.groups[group]
        count = self.groups[group].stop - self.groups[group].start
        if self._packing.take_observations(data, 0, self.arrays, where, count) != len(data):
            raise BadMessage(f"{len(data)} bytes of first observations")

    # --- answers and losses ---

    def _on_answer(self, handle: ActorHandle, kind: str, key: int, data: Bytes) -> None:
        if kind == "ask":
            self._answers[handle.number] = decode(data)
        elif kind == "step" and self._phase[key] is ActorPhase.STEPPING:
            part, data = self.groups[key], grow(data, self._spec.compress)
            rest = self._packing.take_step(data, self.arrays, self.buffer[key], part)
            self._early[key] = {part.start + index: infos for index, infos in rest.items()}
            self._phase[key] = ActorPhase.ARRIVED
            self._news[key, True] = None
        elif kind == "reset":
            self._take_first(handle, grow(data, self._spec.compress))

    def _take_first(self, handle: ActorHandle, data: Bytes) -> None:
        """Keep the first observations of new episodes, by group, until they are taken."""
        begin = 4 + int.from_bytes(data[:4], "little")
        infos = decode(data[4:begin])
        if infos.keys() != {str(number) for number in range(len(handle.indices))}:
            raise BadMessage(f"first infos of environments {list(infos)}")
        self.reset_infos |= {handle.indices[int(number)]: info for number, info in infos.items()}
        each, left = divmod(len(data) - begin, len(handle.indices))
        if left:
            raise BadMessage(f"{len(data)} bytes of first observations")
        for group in handle.groups:
            part = self.groups[group]
            end = begin + each * (part.stop - part.start)
            handle.fresh[group], begin = data[begin:end], end
            if self._phase[group] is ActorPhase.ABSENT:
                self._news[group, False] = None
        if handle.state is ActorState.STARTING:
            self._mark_up(handle)

    def _on_lost(self, handle: ActorHandle) -> None:
        handle.fresh.clear()
        for group in handle.groups:
            self._news.pop((group, False), None)
            if self._phase[group] is ActorPhase.STEPPING:
                self._end_episodes(group)
            elif self._phase[group] in (ActorPhase.IDLE, ActorPhase.ARRIVED):
                self._broken.add(group)

    # --- requests ---

    def ask(self, requests: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """Send each actor its request (name, arguments ...); return answers by actor.

        Raises the first exception an actor answers with.
        """
        self._answers = {}
        about = {number: _split(request) for number, request in requests.items()}
        asked = [self.actors[number] for number in requests if self.actors[number].state is ActorState.UP]
        generations = {handle.number: handle.generation for handle in asked}
        for handle in asked:
            first = handle.indices[0]
            request, chosen, last = about[handle.number]
            order = {"request": request, "chosen": [index - first for index in chosen], "last": last}
            self._call(handle, "ask", encode(order))
        while any(
            handle.number not in self._answers and handle.generation == generations[handle.number]
            for handle in asked
        ):
            self._pump(SLICE)
        errors = [answer for answer in self._answers.values() if isinstance(answer, Exception)]
        if errors:
            raise errors[0]
        return {
            number: self._answers.get(number, [None] * len(chosen))
            for number, (_, chosen, _) in about.items()
        }

    def _on_failed_request(self, handle: ActorHandle, error: Exception) -> None:
        self._answers[handle.number] = error

    def reset(self, seeds: Sequence[int | None], options: Sequence[dict[str, Any]]) -> None:
        """Begin new episodes in all environments; results of steps under way are dropped."""
        self.begun = True
        self._news.clear()
        self._broken.clear()
        for group, handle in enumerate(self._handle_of):
            handle.fresh.pop(group, None)
            self._phase[group], self.buffer[group] = ActorPhase.ABSENT, self.other_buffer(group)
        for handle in self.actors:
            if handle.state is ActorState.UP:
                chosen = [seeds[index] for index in handle.indices]
                order = {"seeds": chosen, "options": [options[index] for index in handle.indices]}
                self._call(handle, "reset", encode(order))
        for group in range(len(self.groups)):
            self.await_back(group)


def _split(request: tuple[Any, ...]) -> tuple[list[Any], list[int], list[Any]]:
    """Split a request of ``ask_each`` into name and arguments, environments, and last arguments."""
    if request[0] == "call":
        return list(request[:2]), request[2], list(request[3:])
    return list(request[:-1]), request[-1], []
