"""The environments of a RayVecEnv, group by group: what a Crew is to an EmulatorVecEnv, over actors.

A group whose actor is lost ends its episodes and is absent until it is back on some machine.
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
    """``count`` environments in actors of ``each``; see AnyCrew and Posts.

    Requests about environments that are absent are answered with None.
    """

    def __init__(
        self,
        cluster: Cluster,
        terms: ActorSpec,
        count: int,
        each: int,
        patience: ActorTimeouts,
        episodes: Numbers,
    ) -> None:
        self.layout: ArrayLayout = make_layout(terms.space, count)
        block = np.zeros(self.layout.size, np.uint8)
        self.arrays, self.outcomes = view(block, self.layout), outcomes(block, self.layout)
        self.groups: list[slice] = []
        self._posted: list[ActorHandle] = []  # whose each group is
        posts = [self._post(number, range(first, min(first + each, count)))
                 for number, first in enumerate(range(0, count, each))]  # fmt: skip
        self.held = [list(post.indices) for post in posts]
        self.buffer = [0] * len(self.groups)
        self.reset_infos: dict[int, dict[str, Any]] = {}
        self._packing = Packing(self.layout, terms.space)
        self._phase = [ActorPhase.IDLE] * len(self.groups)
        self._early: dict[int, dict[int, dict[str, Any]]] = {}  # infos of results that were not taken yet
        self._broken: set[int] = set()  # groups whose episodes were lost while no step was under way
        self._news: dict[tuple[int, bool], None] = {}  # in order: a result is there, or a group is back
        self._answers: dict[int, Any] = {}  # of requests, by actor
        super().__init__(cluster, terms, posts, patience, episodes)

    def _post(self, number: int, indices: range) -> ActorHandle:
        first = len(self.groups)
        for part in np.array_split(np.array(indices), halves(len(indices))):
            self.groups.append(slice(int(part[0]), int(part[-1]) + 1))
        post = ActorHandle(number, indices, range(first, len(self.groups)))
        self._posted += [post] * len(post.groups)
        return post

    # --- steps ---

    def step(self, group: int) -> None:
        """Send a group's actions off; an absent one is waited for first."""
        if self._phase[group] is ActorPhase.ABSENT:
            self.await_back(group)
        if self._phase[group] is not ActorPhase.IDLE:
            raise RuntimeError(f"group {group} is stepping already; wait for it first")
        post, part = self._posted[group], self.groups[group]
        self.buffer[group] = self.other_buffer(group)
        self._phase[group] = ActorPhase.STEPPING
        if group in self._broken or post.state is not ActorState.UP:
            self._end_episodes(group)
            return
        order = bytes((group - post.groups[0],)) + self.arrays["actions"][part].tobytes()
        pieces = pieces_of(self._packing, part.stop - part.start, self._terms.compress)
        self._call(post, "step", order, group, pieces)

    def wait(self, group: int) -> tuple[dict[int, dict[str, Any]], list[int]]:
        """Until the group's result is there: infos by environment, and whose episodes were lost, which are
        absent until ``await_back``."""
        while self._phase[group] is ActorPhase.STEPPING:
            self._pump(SLICE)
        self._news.pop((group, True), None)
        if self._phase[group] is ActorPhase.ARRIVED:
            self._phase[group] = ActorPhase.IDLE
            return self._early.pop(group), []
        self._phase[group] = ActorPhase.ABSENT
        self._broken.discard(group)
        if group in self._posted[group].fresh:
            self._news[group, False] = None
        return {}, list(range(self.groups[group].start, self.groups[group].stop))

    def other_buffer(self, group: int) -> int:
        """The buffer that holds the observation before the last, and the next one soon."""
        return other(self.buffer[group])

    def next_news(self, seconds: float) -> tuple[int, bool] | None:
        """The next group of which something is known, and whether that is a result (which ``wait`` gives)
        or that the group is back (see ``await_back``); None when nothing is for so long. Each is told once.
        """
        end = self._clock.tick() + seconds
        while not self._news and self._clock.now < end:
            self._pump(min(SLICE, end - self._clock.now))
        if not self._news:
            return None
        told = next(iter(self._news))
        del self._news[told]
        return told

    def absent(self, group: int) -> bool:
        """Whether the group has no environments just now."""
        return self._phase[group] is ActorPhase.ABSENT

    def stepping(self, group: int) -> bool:
        """Whether a step of the group is under way, or its result not taken yet."""
        return self._phase[group] in (ActorPhase.STEPPING, ActorPhase.ARRIVED, ActorPhase.LOST)

    def await_back(self, group: int) -> None:
        """Until a lost group has environments again; their first observations are then its last ones."""
        post = self._posted[group]
        while group not in post.fresh:
            self._pump(SLICE)
        self._news.pop((group, False), None)
        self._phase[group] = ActorPhase.IDLE
        self._put_first(group, post.fresh.pop(group))

    def _end_episodes(self, group: int) -> None:
        """The step under way ends the group's episodes; until it is back, its last observations stay."""
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

    def _arrived(self, post: ActorHandle, kind: str, key: int, data: Bytes) -> None:
        if kind == "ask":
            self._answers[post.number] = decode(data)
        elif kind == "step" and self._phase[key] is ActorPhase.STEPPING:
            part, data = self.groups[key], grow(data, self._terms.compress)
            rest = self._packing.take_step(data, self.arrays, self.buffer[key], part)
            self._early[key] = {part.start + index: told for index, told in rest.items()}
            self._phase[key] = ActorPhase.ARRIVED
            self._news[key, True] = None
        elif kind == "reset":
            self._take_first(post, grow(data, self._terms.compress))

    def _take_first(self, post: ActorHandle, data: Bytes) -> None:
        """Episodes have begun: keep their first observations, group by group, until they are wanted."""
        begin = 4 + int.from_bytes(data[:4], "little")
        infos = decode(data[4:begin])
        if infos.keys() != {str(number) for number in range(len(post.indices))}:
            raise BadMessage(f"first infos of environments {list(infos)}")
        self.reset_infos |= {post.indices[int(number)]: info for number, info in infos.items()}
        each, left = divmod(len(data) - begin, len(post.indices))
        if left:
            raise BadMessage(f"{len(data)} bytes of first observations")
        for group in post.groups:
            part = self.groups[group]
            end = begin + each * (part.stop - part.start)
            post.fresh[group], begin = data[begin:end], end
            if self._phase[group] is ActorPhase.ABSENT:
                self._news[group, False] = None
        if post.state is ActorState.STARTING:
            self._up(post)

    def _gone(self, post: ActorHandle) -> None:
        post.fresh.clear()
        for group in post.groups:
            self._news.pop((group, False), None)
            if self._phase[group] is ActorPhase.STEPPING:
                self._end_episodes(group)
            elif self._phase[group] in (ActorPhase.IDLE, ActorPhase.ARRIVED):
                self._broken.add(group)

    # --- requests ---

    def ask(self, requests: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        """(name, arguments ...) for each actor; all answers by actor, or the first exception."""
        self._answers = {}
        about = {number: _split(request) for number, request in requests.items()}
        asked = [self.posts[number] for number in requests if self.posts[number].state is ActorState.UP]
        lives = {post.number: post.life for post in asked}
        for post in asked:
            first = post.indices[0]
            request, chosen, last = about[post.number]
            order = {"request": request, "chosen": [index - first for index in chosen], "last": last}
            self._call(post, "ask", encode(order))
        while any(post.number not in self._answers and post.life == lives[post.number] for post in asked):
            self._pump(SLICE)
        errors = [answer for answer in self._answers.values() if isinstance(answer, Exception)]
        if errors:
            raise errors[0]
        return {
            number: self._answers.get(number, [None] * len(chosen))
            for number, (_, chosen, _) in about.items()
        }

    def _failed_request(self, post: ActorHandle, error: Exception) -> None:
        self._answers[post.number] = error

    def reset(self, seeds: Sequence[int | None], options: Sequence[dict[str, Any]]) -> None:
        """Begin new episodes everywhere; what was under way is dropped."""
        self.begun = True
        self._news.clear()
        self._broken.clear()
        for group, post in enumerate(self._posted):
            post.fresh.pop(group, None)
            self._phase[group], self.buffer[group] = ActorPhase.ABSENT, self.other_buffer(group)
        for post in self.posts:
            if post.state is ActorState.UP:
                chosen = [seeds[index] for index in post.indices]
                order = {"seeds": chosen, "options": [options[index] for index in post.indices]}
                self._call(post, "reset", encode(order))
        for group in range(len(self.groups)):
            self.await_back(group)


def _split(request: tuple[Any, ...]) -> tuple[list[Any], list[int], list[Any]]:
    """What ``ask_each`` asks of a worker: the request, whom it is about, and what comes last."""
    if request[0] == "call":
        return list(request[:2]), request[2], list(request[3:])
    return list(request[:-1]), request[-1], []
