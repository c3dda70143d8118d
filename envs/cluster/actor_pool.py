"""Pool of actors on the machines of a cluster: starts them where there is room and restarts lost ones.

Answers are taken in the order of their arrival, so that nothing waits for a machine that is gone. Lost actors
are restarted meanwhile.
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
"""Seconds between two checks of the timeouts."""
Numbers = Callable[[Sequence[int]], list[int]]
"""Maps environment indices to the numbers of the episodes they begin next."""
KNOWN: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (UserError, AttributeError, ValueError, TypeError, KeyError, IndexError)
}
"""Exceptions of environments that are raised again under their own type."""
ENVIRONMENTS_FAULT = ("WorkerFailed", *KNOWN)


class AllLost(WorkerFailed):
    """All actors have been lost for too long."""


class ActorPool(ABC):
    """Keeps an actor running for each handle in ``actors``.

    ``episodes`` returns the numbers of the episodes that environments begin with. Raises UserError when there
    is no room, or when a machine lacks the run's cartridge, start state or emulator.
    """

    def __init__(
        self,
        cluster: Cluster,
        spec: ActorSpec,
        actors: Sequence[ActorHandle],
        timeouts: ActorTimeouts,
        episodes: Numbers,
    ) -> None:
        self.actors = actors
        self.base_seed = self.replaced = 0
        self.begun = False
        """Whether episodes have begun; if so, a new actor begins its episodes at once."""
        self._cluster, self._spec, self._timeouts, self._episodes = cluster, spec, timeouts, episodes
        self._inbox: queue.SimpleQueue[tuple[ActorHandle, int, str, int, Callable[[], bytes]]] = (
            queue.SimpleQueue()
        )
        self._clock, self._last_check, self._last_up = Clock(), 0.0, 0.0
        self._failed: dict[str, float] = {}  # machines, and when an actor was last lost there
        self._refused: set[str] = set()  # machines without the run's cartridge, start state or emulator
        self._reported: set[str] = set()  # machines already reported as unable to start an actor
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise

    # --- handlers of answers ---

    @abstractmethod
    def _on_answer(self, handle: ActorHandle, kind: str, key: int, data: Bytes) -> None:
        """Handle the answer to a call."""

    @abstractmethod
    def _on_lost(self, handle: ActorHandle) -> None:
        """Handle the loss of an actor and its episodes."""

    @abstractmethod
    def _on_failed_request(self, handle: ActorHandle, error: Exception) -> None:
        """Handle the exception of a request, for its caller to see."""

    # --- calls and answers ---

    def _call(self, handle: ActorHandle, kind: str, order: bytes, key: int = 0, pieces: int = 1) -> None:
        generation, inbox = handle.generation, self._inbox
        if not handle.pending:
            handle.waiting_since = self._clock.tick()
        handle.pending += 1
        self._cluster.call(
            handle.actor,
            kind,
            order,
            lambda answer: inbox.put((handle, generation, kind, key, answer)),
            pieces,
        )

    def _pump(self, seconds: float) -> None:
        """Handle the next answer if one arrives within ``seconds``; check timeouts and start lost actors."""
        try:
            handle, generation, kind, key, answer = self._inbox.get(timeout=seconds)
        except queue.Empty:
            pass
        else:
            if generation == handle.generation:
                self._take(handle, kind, key, answer)
        if self._clock.tick() >= self._last_check + SLICE:
            self._last_check = self._clock.now
            self._check_timeouts()

    def _take(self, handle: ActorHandle, kind: str, key: int, answer: Callable[[], bytes]) -> None:
        handle.waiting_since, handle.pending = self._clock.now, handle.pending - 1
        try:
            data = memoryview(answer())
        except Exception as error:  # Ray's exception for a failed call
            self._lose(handle, reason_of(error))
            return
        try:
            if data[:1] != DONE:
                self._on_exception(handle, kind, decode(data[1:]))
            elif kind != "start":
                self._on_answer(handle, kind, key, data[1:])
            elif not self.begun:
                handle.state = ActorState.UP
        except BadMessage as error:
            raise WorkerFailed(
                f"actor {handle.number} on {handle.where} sent an invalid message: {error}"
            ) from error

    def _on_exception(self, handle: ActorHandle, kind: str, described: Any) -> None:
        """Handle an exception raised in an actor."""
        if not isinstance(described, dict) or described.keys() != {"kind", "says", "text"}:
            raise BadMessage("an exception without its type and message")
        name, says, text = (str(described[key]) for key in ("kind", "says", "text"))
        error = KNOWN.get(name, RuntimeError)(
            f"machine {handle.where}: {says}" if name == "UserError" else says
        )
        if kind == "ask":
            error.add_note(text)
            self._on_failed_request(handle, error)
        elif name == "UserError" and self.begun and handle.state is ActorState.STARTING:
            # A machine that joined later and lacks the run's cartridge, start state or emulator.
            log.warning("%s; it is not used", error)
            self._refused.add(handle.machine.id if handle.machine is not None else "")
            self._stop_actor(handle)
        elif name == "UserError":
            raise error
        elif name in ENVIRONMENTS_FAULT:
            raise WorkerFailed(f"an environment of actor {handle.number} on {handle.where} failed:\n{text}")
        else:  # its workers failed, not an environment
            self._lose(handle, f"gave up ({says})")

    # --- timeouts and losses ---

    def _check_timeouts(self) -> None:
        now, timeouts = self._clock.now, self._timeouts
        for handle in self.actors:
            if (
                handle.state is ActorState.UP
                and handle.pending
                and now - handle.waiting_since > timeouts.answer
            ):
                self._lose(handle, f"did not answer for {timeouts.answer:g} s")
            elif handle.state is ActorState.STARTING and now - handle.waiting_since > timeouts.start:
                self._lose(handle, f"did not start within {timeouts.start:g} s")
        if any(handle.state is ActorState.UP for handle in self.actors):
            self._last_up = now
        elif self.begun and now - self._last_up > timeouts.all_lost:
            raise AllLost(f"all {len(self.actors)} actors have been lost for {timeouts.all_lost:g} s")
        if self.begun:
            self._start_missing()

    def _start_missing(self) -> None:
        """Start lost actors where there is room.

        An actor that is starting on a machine which failed before moves once another machine has room.
        """
        due = [
            handle
            for handle in self.actors
            if self._clock.now >= handle.next_try and self._needs_machine(handle)
        ]
        machines = self._cluster.machines() if due else []
        for handle in due:
            if handle.state is ActorState.STARTING:
                other = self._choose(machines)
                if other is not None and other.id not in self._failed:
                    self._stop_actor(handle)
            handle.next_try = self._clock.now + self._timeouts.retry
            if handle.state is ActorState.DOWN:
                self._start(handle, machines)

    def _needs_machine(self, handle: ActorHandle) -> bool:
        if handle.state is ActorState.STARTING and handle.machine is not None:
            return handle.machine.id in self._failed
        return handle.state is ActorState.DOWN

    def _lose(self, handle: ActorHandle, reason: str) -> None:
        was, where = handle.state, handle.where
        if handle.machine is not None:
            self._failed[handle.machine.id] = self._clock.now
        self._stop_actor(handle)
        if was is ActorState.UP:
            log.warning(
                "actor %d on %s %s: its %d episodes end as truncated; it starts again where there is room",
                handle.number, where, reason, len(handle.indices),
            )  # fmt: skip
            self.replaced += 1
            handle.next_try = self._clock.now
            self._on_lost(handle)
        elif self.begun and where not in self._reported:
            self._reported.add(where)
            log.warning("no actor can be started on %s: the last one %s", where, reason)
        elif not self.begun:
            raise UserError(f"ray_address {self._cluster.address}: actor {handle.number} on {where} {reason}")

    def _stop_actor(self, handle: ActorHandle) -> None:
        self._cluster.kill(handle.actor)
        handle.state, handle.actor, handle.machine, handle.pending = ActorState.DOWN, None, None, 0
        handle.generation += 1
        handle.next_try = self._clock.now + self._timeouts.retry

    # --- starting ---

    def _start_all(self) -> None:
        machines = self._cluster.machines()
        for handle in self.actors:
            self._start(handle, machines)
        without = sum(handle.state is ActorState.DOWN for handle in self.actors)
        if without:
            here = ", ".join(f"{machine.address} {machine.cpus:g}" for machine in machines)
            raise UserError(
                f"ray_address {self._cluster.address}: room for {len(self.actors) - without} of"
                f" {len(self.actors)} actors of {self._spec.workers} processors (the machines have: {here});"
                " lower num_envs, or raise envs_per_actor"
            )
        while any(handle.state is ActorState.STARTING for handle in self.actors):
            self._pump(SLICE)

    def _start(self, handle: ActorHandle, machines: Sequence[Machine]) -> None:
        """Request an actor and its environments, without waiting for them."""
        machine = self._choose(machines)
        if machine is None:
            return
        handle.machine, handle.state, handle.waiting_since = machine, ActorState.STARTING, self._clock.tick()
        handle.actor = self._cluster.actor(EmulatorActor, machine, self._spec.workers, self._spec)
        order = {"indices": list(handle.indices), "episodes": self._episodes(handle.indices)}
        self._call(handle, "start", encode(order))
        if self.begun:
            seeds = [replacement_seed(self.base_seed, self.replaced, index) for index in handle.indices]
            self._call(handle, "reset", encode({"seeds": seeds, "options": [{} for _ in seeds]}))

    def _choose(self, machines: Sequence[Machine]) -> Machine | None:
        """Return the machine with the most room; those that lost an actor and started none since are last."""
        taken = Counter(handle.machine.id for handle in self.actors if handle.machine is not None)
        room = {
            machine: machine.cpus // self._spec.workers - taken[machine.id]
            for machine in machines
            if machine.id not in self._refused
        }
        free = [machine for machine in room if room[machine] >= 1]
        return min(
            free, key=lambda machine: (self._failed.get(machine.id, -1.0), -room[machine]), default=None
        )

    def _mark_up(self, handle: ActorHandle) -> None:
        """Record that a new actor has begun its episodes."""
        handle.state = ActorState.UP
        self._failed.pop(handle.machine.id if handle.machine is not None else "", None)
        self._reported.discard(handle.where)
        log.warning("actor %d continues on %s", handle.number, handle.where)

    def close(self) -> None:
        """Stop all actors and disconnect from the cluster."""
        for handle in self.actors:
            if handle.actor is not None:
                self._stop_actor(handle)
        self._cluster.close()
