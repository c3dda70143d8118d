"""One actor as the trainer sees it, and how long the trainer waits for whom."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from envs.cluster.messages import Bytes
from envs.cluster.ray_api import Machine

LONGEST_TICK = 0.5
"""Seconds: half of the shortest time in which an answer can be wanted."""

ENDS = {
    "ActorDiedError": "died",
    "ActorUnschedulableError": "found no place",
    "ActorUnavailableError": "cannot be reached",
    "OwnerDiedError": "cannot be reached",
    "ObjectLostError": "died before its answer was fetched",
}


@dataclass(frozen=True)
class ActorTimeouts:
    """Seconds until an actor that owes an answer counts as lost, until one that is started does, until the
    run gives up with all of them lost, and between two looks for a place."""

    answer: float = 15.0
    start: float = 60.0
    all_lost: float = 600.0
    retry: float = 2.0


class Clock:
    """Seconds in which this process was there to listen: while it learns, or is stopped, nobody is late."""

    def __init__(self) -> None:
        self.now = 0.0
        self._last = time.monotonic()

    def tick(self) -> float:
        """The time now; called whenever answers are looked for."""
        real = time.monotonic()
        self.now += min(real - self._last, LONGEST_TICK)
        self._last = real
        return self.now


class ActorState(Enum):
    """Whether an actor is there."""

    DOWN = "lost, or never started"
    STARTING = "asked for"
    UP = "there, with its environments"


class ActorPhase(Enum):
    """Where a group of environments stands."""

    IDLE = "nothing under way"
    STEPPING = "a step under way"
    ARRIVED = "the result of a step is there"
    LOST = "the end of the episodes that were lost is there"
    ABSENT = "there are no environments"


@dataclass
class ActorHandle:
    """The place of one actor in a crew: the environments ``indices``, in the groups ``groups``."""

    number: int
    indices: Sequence[int]
    groups: Sequence[int]
    state: ActorState = ActorState.DOWN
    machine: Machine | None = None
    actor: Any = None
    life: int = 0
    """Counts the actors that were started here: answers of an earlier one are none."""
    owed: int = 0
    """Answers that it has not given yet."""
    heard: float = 0.0
    """When it gave its last answer, or was asked with nothing owed; when it was started."""
    next_try: float = 0.0
    fresh: dict[int, Bytes] = field(default_factory=dict)
    """First observations of groups after a new start, until they are taken."""

    @property
    def where(self) -> str:
        """The machine it is on, in words."""
        return self.machine.address if self.machine is not None else "no machine"


def reason_of(error: Exception) -> str:
    """What Ray says of an actor, in a few words; its last line is the exception that the actor ended with."""
    words = ENDS.get(type(error).__name__)
    if words is not None and "Traceback" not in str(error):
        return words
    last = str(error).strip().splitlines()[-1:] or [""]
    return f"{words or 'was lost'} ({type(error).__name__}: {last[0].strip()[:200]})"
