"""The trainer's handle of one actor, its states, and the trainer's timeouts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from envs.cluster.messages import Bytes
from envs.cluster.ray_api import Machine

LONGEST_TICK = 0.5
"""Seconds: half of the shortest timeout that can be set."""

ENDS = {
    "ActorDiedError": "died",
    "ActorUnschedulableError": "found no room",
    "ActorUnavailableError": "cannot be reached",
    "OwnerDiedError": "cannot be reached",
    "ObjectLostError": "died before its answer was fetched",
}


@dataclass(frozen=True)
class ActorTimeouts:
    """Timeouts in seconds.

    ``answer``: an actor that has not answered a call for this long counts as lost. ``start``: the same for an
    actor that is starting. ``all_lost``: the run ends after this time without any actor. ``retry``: time
    between two attempts to place an actor.
    """

    answer: float = 15.0
    start: float = 60.0
    all_lost: float = 600.0
    retry: float = 2.0


class Clock:
    """Seconds this process has spent waiting for answers; time spent learning or stopped does not count."""

    def __init__(self) -> None:
        self.now = 0.0
        self._last = time.monotonic()

    def tick(self) -> float:
        """Advance the clock and return the time; called whenever answers are checked."""
        real = time.monotonic()
        self.now += min(real - self._last, LONGEST_TICK)
        self._last = real
        return self.now


class ActorState(Enum):
    """State of an actor."""

    DOWN = "lost, or never started"
    STARTING = "requested"
    UP = "running, with its environments"


class ActorPhase(Enum):
    """State of a group of environments."""

    IDLE = "no step under way"
    STEPPING = "a step under way"
    ARRIVED = "the result of a step has arrived"
    LOST = "the end of the lost episodes is ready as the step's result"
    ABSENT = "no environments at present"


@dataclass
class ActorHandle:
    """One actor of a pool, with the environments ``indices`` in the groups ``groups``."""

    number: int
    indices: Sequence[int]
    groups: Sequence[int]
    state: ActorState = ActorState.DOWN
    machine: Machine | None = None
    actor: Any = None
    generation: int = 0
    """Number of actors stopped here so far; answers of earlier ones are ignored."""
    pending: int = 0
    """Number of calls it has not answered yet."""
    waiting_since: float = 0.0
    """Time of its start, its last answer, or the first call after all were answered, whichever is latest."""
    next_try: float = 0.0
    fresh: dict[int, Bytes] = field(default_factory=dict)
    """First observations of groups after a (re)start, until they are taken."""

    @property
    def where(self) -> str:
        """Address of its machine, for messages."""
        return self.machine.address if self.machine is not None else "no machine"


def reason_of(error: Exception) -> str:
    """Return a short reason from Ray's exception; its last line is the exception that ended the actor."""
    words = ENDS.get(type(error).__name__)
    if words is not None and "Traceback" not in str(error):
        return words
    last = str(error).strip().splitlines()[-1:] or [""]
    return f"{words or 'was lost'} ({type(error).__name__}: {last[0].strip()[:200]})"
