"""Cells of the start archive, as an environment sees them: it finds new ones and begins episodes in them.

A cell is a set of moments of the game that count as one place to begin at. Which cells there are depends on
the setting: "milestones" (the milestones held so far), "map_events" (map and number of events) or "tiles"
(map, block of 8 x 8 steps, and events).
"""

from __future__ import annotations

import hashlib
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from envs.errors import UserError, known
from envs.files import inflate
from envs.game.catalog import Game
from envs.game.plausible_moments import on_map
from envs.ram import GameState
from envs.start_states.state_files import StartState

BLOCK = 8
"""Steps along a side of a block of tiles."""
SAVE_EVERY = 1500
"""Steps per saved cell in the long run: saving takes as long as about 40 steps, which is then 3 %."""
SAVED_AT_ONCE = 4
"""Cells that may be saved before that limit holds."""
MAX_WAY = 100_000_000  # steps
MAX_STATE = 10_000_000  # bytes; a state has about 180,000
Here = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """The way from a plain start to a cell.

    ``start``, ``start_sha256``: name and hash of the start state; ``wait_frames``: frames waited there;
    ``actions``: indices of ``envs.game_boy.emulator.BUTTONS``, one byte each.
    """

    start: str
    start_sha256: str
    wait_frames: int
    actions: bytes

    def plain(self) -> dict[str, Any]:
        """Return plain values and bytes, with the actions compressed."""
        return {**asdict(self), "actions": zlib.compress(self.actions, 1)}

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Way:
        """Convert back from ``plain``. Raises ValueError, KeyError or TypeError for an invalid one."""
        start, sha256, wait = str(plain["start"]), str(plain["start_sha256"]), int(plain["wait_frames"])
        return Way(start, sha256, wait, inflate(bytes(plain["actions"]), MAX_WAY))


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with everything that an episode needs to begin in it.

    ``held`` is a bit mask over the game's milestones, ``parts`` the snapshots of the environment's parts
    (plain values, bytes and arrays): "emulator" (a compressed state), "visited", "reward", "observations".
    """

    key: str
    held: int
    map_id: int
    way: Way
    parts: Mapping[str, Any]

    @property
    def length(self) -> int:
        """Steps of the way."""
        return len(self.way.actions)

    def start_state(self) -> StartState:
        """Return the state of the emulator, as the start of an episode."""
        return StartState(inflate(bytes(self.parts["emulator"]), MAX_STATE), f"archive {self.key}", {})

    def plain(self) -> dict[str, Any]:
        """Return plain values, bytes and arrays."""
        return {
            "key": self.key,
            "held": self.held,
            "map_id": self.map_id,
            "way": self.way.plain(),
            "parts": self.parts,
        }

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Cell:
        """Convert back from ``plain``. Raises ValueError, KeyError or TypeError for an invalid one."""
        key, held, map_id = str(plain["key"]), int(plain["held"]), int(plain["map_id"])
        return Cell(key, held, map_id, Way.of(plain["way"]), dict(plain["parts"]))


def digest(data: bytes) -> str:
    """Return a hash of 16 hexadecimal digits that is the same in every process."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _map_events(state: GameState) -> Here:
    return state.map_id, state.event_count


def _tiles(state: GameState) -> Here:
    return state.map_id, state.x // BLOCK, state.y // BLOCK, state.event_bytes


PLACES: dict[str, Callable[[GameState], Here]] = {"map_events": _map_events, "tiles": _tiles}
CELLS = ("milestones", *PLACES)


class ArchiveScout:
    """Watches the episodes of one environment of ``game`` for cells that are new or reached by a shorter way.

    ``cells`` is one of CELLS. Raises UserError for another.
    """

    def __init__(self, game: Game, cells: str) -> None:
        if cells not in CELLS:
            raise UserError(f'archive: cells "{cells}" is unknown; {known(cells, CELLS)}')
        self.cells = cells
        self.lengths: dict[str, int] = {}
        """Steps of the shortest known way to each known cell."""
        self.ahead: deque[Cell | None] = deque()
        """Where the next episodes begin; None: at a plain start, as when it is empty."""
        self._game = game
        self._bits = {milestone.name: 1 << bit for bit, milestone in enumerate(game.milestones)}
        self._order = {map_id: place for place, map_id in enumerate(game.progress_order)}
        self._place = PLACES.get(cells)
        self._credit = SAVED_AT_ONCE * SAVE_EVERY
        self._hashed: tuple[StartState, str] | None = None
        self._way: Way | None = None  # to the beginning of the episode; None: unknown
        self._actions = bytearray()
        self._held = 0
        self._seen: Here = ()  # in the last step
        self._done: Here = ()  # where there is nothing to do any more

    # --- the beginning of an episode ---

    def next_start(self) -> Cell | None:
        """Return the cell in which the next episode begins; None for a plain start."""
        return self.ahead.popleft() if self.ahead else None

    def begin(self, start: StartState, wait_frames: int, state: GameState) -> None:
        """Begin an episode at a plain start, of which ``state`` is the first moment."""
        self._way = Way(start.name, self._sha256(start), wait_frames, b"")
        self._begin(self.held_at(state), state)

    def begin_at(self, cell: Cell, state: GameState) -> None:
        """Begin an episode in ``cell``, of which ``state`` is the moment."""
        self._way = cell.way
        self._begin(cell.held, state)

    def _begin(self, held: int, state: GameState) -> None:
        self._actions, self._held = bytearray(), held
        self._seen = self._done = self._here(state)  # where it begins is known

    def held_at(self, state: GameState) -> int:
        """Return the milestones held at a plain start, as a bit mask.

        These are the milestones that ``state`` shows, and the places that come before its own.
        """
        here = self._order.get(state.map_id, -1)
        held = 0
        for bit, milestone in enumerate(self._game.milestones):
            passed = milestone.kind == "map" and self._order.get(milestone.number, len(self._order)) < here
            held |= (passed or milestone.reached(state)) << bit
        return held

    def names(self, held: int) -> list[str]:
        """Return the names of the milestones in a bit mask."""
        return [milestone.name for bit, milestone in enumerate(self._game.milestones) if held >> bit & 1]

    # --- steps ---

    def step(self, action: int, state: GameState, milestones: Iterable[str]) -> bool:
        """Note a step, which led to ``state`` and reached ``milestones``. Returns whether to save a cell."""
        self._credit = min(self._credit + 1, SAVED_AT_ONCE * SAVE_EVERY)
        if self._way is None:
            return False
        self._actions.append(action)
        for name in milestones:
            self._held |= self._bits[name]
        here = self._here(state)
        if here == self._done:
            return False
        # Memory is transient while a map loads, and nobody wants to begin in the middle of a battle.
        settled, self._seen = here == self._seen and state.battle == 0 and on_map(state), here
        return settled and self._is_due(here)

    def _here(self, state: GameState) -> Here:
        return (self._held,) if self._place is None else self._place(state)

    def _is_due(self, here: Here) -> bool:
        key, length = self._key(here), len(self._way.actions if self._way else b"") + len(self._actions)
        if self.lengths.get(key, length + 1) <= length:
            self._done = here
            return False
        if self._credit < SAVE_EVERY:
            return False  # tried again in the next step
        self._credit -= SAVE_EVERY
        self._done, self.lengths[key] = here, length
        return True

    def _key(self, here: Here) -> str:
        return digest(repr((self.cells, *here)).encode())

    def cell(self, state: GameState, parts: Mapping[str, Any]) -> Cell:
        """Return the cell of this moment, for which ``step`` returned True."""
        assert self._way is not None
        way = replace(self._way, actions=self._way.actions + bytes(self._actions))
        return Cell(self._key(self._done), self._held, state.map_id, way, parts)

    # --- snapshots ---

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values and bytes, without ``lengths`` and ``ahead``.

        Those are set anew whenever training begins.
        """
        return {
            "cells": self.cells,
            "credit": self._credit,
            "way": self._way and self._way.plain(),
            "actions": bytes(self._actions),
            "held": self._held,
            "seen": list(self._seen),
            "done": list(self._done),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from a ``snapshot``. Raises ValueError, KeyError or TypeError for an invalid one."""
        self._way = None if snapshot["way"] is None else Way.of(snapshot["way"])
        self._credit, self._held = int(snapshot["credit"]), int(snapshot["held"])
        self._actions = bytearray(snapshot["actions"])
        self._seen, self._done = tuple(snapshot["seen"]), tuple(snapshot["done"])

    def _sha256(self, start: StartState) -> str:
        if self._hashed is None or self._hashed[0] is not start:
            self._hashed = start, hashlib.sha256(start.data).hexdigest()
        return self._hashed[1]
