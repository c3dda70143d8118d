"""Actors on the machines of a cluster: started where there is room, heard, and started again when lost.

Nobody waits for a machine that is gone: answers are taken in the order in which they come, and a lost actor
is started again beside that.
"""

from __future__ import annotations

import logging
import queue
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from envs.cluster.actor import DONE, ActorSpec, EmulatorActor
from envs.cluster.actor_handle import ActorHandle, ActorState, ActorTimeouts, Clock, reason_of
from envs.cluster.messages import BadMessage, Bytes, decode, encode
from envs.cluster.ray_api import Cluster, Machine
from envs.errors import UserError
from envs.workers.pool_protocol import replacement_seed
from envs.workers.process import WorkerFailed

log = logging.getLogger(__name__)
SLICE = 0.25
"""Seconds between two looks at who is late."""
Numbers = Callable[[Sequence[int]], list[int]]
KNOWN: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (UserError, AttributeError, ValueError, TypeError, KeyError, IndexError)
}
"""Exceptions of environments that a caller may want to tell apart."""
ENVIRONMENTS_FAULT = ("WorkerFailed", *KNOWN)


class AllLost(WorkerFailed):
    """No machine was left, for too long."""


class ActorPool(ABC):
    """Keeps an actor at each of ``posts``. ``episodes`` gives the numbers of the episodes that environments
    begin with. Raises UserError when there is no room, or when a machine cannot play what the run plays.
    """

    def __init__(
        self,
        cluster: Cluster,
        terms: ActorSpec,
        posts: Sequence[ActorHandle],
        patience: ActorTimeouts,
        episodes: Numbers,
    ) -> None:
        self.posts = posts
        self.base_seed = self.replaced = 0
        self.begun = False
        """Whether environments have begun episodes, which those of a new actor then do at once."""
        self._cluster, self._terms, self._patience, self._episodes = cluster, terms, patience, episodes
        self._inbox: queue.SimpleQueue[tuple[ActorHandle, int, str, int, Callable[[], bytes]]] = (
            queue.SimpleQueue()
        )
        self._clock, self._looked, self._last_up = Clock(), 0.0, 0.0
        self._failed: dict[str, float] = {}  # machines, and when an actor was last lost there
        self._refused: set[str] = set()  # machines that cannot play what the run plays
        self._told: set[str] = set()  # machines of which it was said that no actor starts there
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise

    # --- what becomes of answers ---

    @abstractmethod
    def _arrived(self, post: ActorHandle, kind: str, key: int, data: Bytes) -> None:
        """The answer to a call."""

    @abstractmethod
    def _gone(self, post: ActorHandle) -> None:
        """The actor is lost, and its episodes with it."""

    @abstractmethod
    def _failed_request(self, post: ActorHandle, error: Exception) -> None:
        """A request ended with an exception, which is the caller's to handle."""

    # --- calls and answers ---

    def _call(self, post: ActorHandle, kind: str, order: bytes, key: int = 0, pieces: int = 1) -> None:
        life, inbox = post.life, self._inbox
        if not post.owed:
            post.heard = self._clock.tick()
        post.owed += 1
        self._cluster.call(
            post.actor, kind, order, lambda answer: inbox.put((post, life, kind, key, answer)), pieces
        )

    def _pump(self, seconds: float) -> None:
        """Take the next answer if one comes within so long; look who is late, and for places."""
        try:
            post, life, kind, key, answer = self._inbox.get(timeout=seconds)
        except queue.Empty:
            pass
        else:
            if life == post.life:
                self._take(post, kind, key, answer)
        if self._clock.tick() >= self._looked + SLICE:
            self._looked = self._clock.now
            self._look()

    def _take(self, post: ActorHandle, kind: str, key: int, answer: Callable[[], bytes]) -> None:
        post.heard, post.owed = self._clock.now, post.owed - 1
        try:
            data = memoryview(answer())
        except Exception as error:  # what Ray says of a call that came to nothing
            self._lose(post, reason_of(error))
            return
        try:
            if data[:1] != DONE:
                self._fault(post, kind, decode(data[1:]))
            elif kind != "start":
                self._arrived(post, kind, key, data[1:])
            elif not self.begun:
                post.state = ActorState.UP
        except BadMessage as error:
            raise WorkerFailed(
                f"actor {post.number} on {post.where} sent what no environment gives: {error}"
            ) from error

    def _fault(self, post: ActorHandle, kind: str, told: Any) -> None:
        """An environment raised an exception."""
        if not isinstance(told, dict) or told.keys() != {"kind", "says", "text"}:
            raise BadMessage("an exception without its words")
        name, says, text = (str(told[key]) for key in ("kind", "says", "text"))
        error = KNOWN.get(name, RuntimeError)(
            f"machine {post.where}: {says}" if name == "UserError" else says
        )
        if kind == "ask":
            error.add_note(text)
            self._failed_request(post, error)
        elif name == "UserError" and self.begun and post.state is ActorState.STARTING:
            # A machine that joined, and has not what the run plays.
            log.warning("%s; it is not used", error)
            self._refused.add(post.machine.id if post.machine is not None else "")
            self._stand_down(post)
        elif name == "UserError":
            raise error
        elif name in ENVIRONMENTS_FAULT:
            raise WorkerFailed(f"an environment of actor {post.number} on {post.where} failed:\n{text}")
        else:  # its workers, not what they play
            self._lose(post, f"gave up ({says})")

    # --- who is late, who is lost ---

    def _look(self) -> None:
        now, patience = self._clock.now, self._patience
        for post in self.posts:
            if post.state is ActorState.UP and post.owed and now - post.heard > patience.answer:
                self._lose(post, f"did not answer for {patience.answer:g} s")
            elif post.state is ActorState.STARTING and now - post.heard > patience.start:
                self._lose(post, f"did not start within {patience.start:g} s")
        if any(post.state is ActorState.UP for post in self.posts):
            self._last_up = now
        elif self.begun and now - self._last_up > patience.all_lost:
            raise AllLost(f"all {len(self.posts)} actors have been lost for {patience.all_lost:g} s")
        if self.begun:
            self._fill()

    def _fill(self) -> None:
        """Start actors for posts that have none, where there is room, and for those that wait for a machine
        which failed before, once another one has room."""
        due = [post for post in self.posts if self._clock.now >= post.next_try and self._wants_place(post)]
        machines = self._cluster.machines() if due else []
        for post in due:
            if post.state is ActorState.STARTING:
                other = self._choose(machines)
                if other is not None and other.id not in self._failed:
                    self._stand_down(post)
            post.next_try = self._clock.now + self._patience.retry
            if post.state is ActorState.DOWN:
                self._start(post, machines)

    def _wants_place(self, post: ActorHandle) -> bool:
        if post.state is ActorState.STARTING and post.machine is not None:
            return post.machine.id in self._failed
        return post.state is ActorState.DOWN

    def _lose(self, post: ActorHandle, reason: str) -> None:
        was, where = post.state, post.where
        if post.machine is not None:
            self._failed[post.machine.id] = self._clock.now
        self._stand_down(post)
        if was is ActorState.UP:
            log.warning(
                "actor %d on %s %s: its %d episodes end as truncated; it starts again where there is room",
                post.number, where, reason, len(post.indices),
            )  # fmt: skip
            self.replaced += 1
            post.next_try = self._clock.now
            self._gone(post)
        elif self.begun and where not in self._told:
            self._told.add(where)
            log.warning("no actor can be started on %s: the last one %s", where, reason)
        elif not self.begun:
            raise UserError(f"ray_address {self._cluster.address}: actor {post.number} on {where} {reason}")

    def _stand_down(self, post: ActorHandle) -> None:
        self._cluster.kill(post.actor)
        post.state, post.actor, post.machine, post.owed = ActorState.DOWN, None, None, 0
        post.life += 1
        post.next_try = self._clock.now + self._patience.retry

    # --- starting ---

    def _start_all(self) -> None:
        machines = self._cluster.machines()
        for post in self.posts:
            self._start(post, machines)
        without = sum(post.state is ActorState.DOWN for post in self.posts)
        if without:
            here = ", ".join(f"{machine.address} {machine.cpus:g}" for machine in machines)
            raise UserError(
                f"ray_address {self._cluster.address}: room for {len(self.posts) - without} of"
                f" {len(self.posts)} actors of {self._terms.workers} processors (the machines have: {here});"
                " lower num_envs, or raise envs_per_actor"
            )
        while any(post.state is ActorState.STARTING for post in self.posts):
            self._pump(SLICE)

    def _start(self, post: ActorHandle, machines: Sequence[Machine]) -> None:
        """Ask for an actor, and for its environments; nothing is waited for."""
        machine = self._choose(machines)
        if machine is None:
            return
        post.machine, post.state, post.heard = machine, ActorState.STARTING, self._clock.tick()
        post.actor = self._cluster.actor(EmulatorActor, machine, self._terms.workers, self._terms)
        order = {"indices": list(post.indices), "episodes": self._episodes(post.indices)}
        self._call(post, "start", encode(order))
        if self.begun:
            seeds = [replacement_seed(self.base_seed, self.replaced, index) for index in post.indices]
            self._call(post, "reset", encode({"seeds": seeds, "options": [{} for _ in seeds]}))

    def _choose(self, machines: Sequence[Machine]) -> Machine | None:
        """The machine with most room, those last where an actor was lost and none has started since."""
        taken = Counter(post.machine.id for post in self.posts if post.machine is not None)
        room = {
            machine: machine.cpus // self._terms.workers - taken[machine.id]
            for machine in machines
            if machine.id not in self._refused
        }
        free = [machine for machine in room if room[machine] >= 1]
        return min(
            free, key=lambda machine: (self._failed.get(machine.id, -1.0), -room[machine]), default=None
        )

    def _up(self, post: ActorHandle) -> None:
        """A new actor has begun its episodes."""
        post.state = ActorState.UP
        self._failed.pop(post.machine.id if post.machine is not None else "", None)
        self._told.discard(post.where)
        log.warning("actor %d goes on on %s", post.number, post.where)

    def close(self) -> None:
        """End every actor, and leave the cluster."""
        for post in self.posts:
            if post.actor is not None:
                self._stand_down(post)
        self._cluster.close()
