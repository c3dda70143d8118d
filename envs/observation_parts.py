"""Parts of an observation: one table of name, shape, highest value and encoder.

Everything is uint8. Flags are 0 or 255 and shares of HP run from 0 to 255, so one division by 255 scales all
but ids, "events" (320 bytes of flags, unpacked inside the policy) and "recent_actions" (codes 0 to 7).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.fighter import fighter
from envs.ram import BATTLE_LOST, EVENT_BYTES, PARTY_MAX, GameState, PartyMon
from envs.visited import CROP, VisitedTiles

Picture = NDArray[np.uint8]
N_ACTIONS = 7
HALF_SCREEN = (72, 80)  # pixels
FRAMES = 3
FILM = 16
"""Capacity in pictures; when it is full, the last ones move back to the start."""
MON_FIELDS = 13
FACINGS = (0, 4, 8, 12)  # down, up, left, right
_FACING_FLAGS = {facing: bytes(255 * (facing == own) for own in FACINGS) for facing in FACINGS}


def shrink(picture: Picture) -> Picture:
    """Take every second pixel of every second row: uint8 (2h, 2w) to a view of uint8 (h, w).

    Each tile of 8 x 8 pixels keeps 4 x 4. The mean of 2 x 2 pixels would cost ten times as much, 4 % of the
    time of a step.
    """
    return picture[::2, ::2]


def _half(picture: Picture) -> Picture:
    return picture if picture.shape == HALF_SCREEN else shrink(picture)


def _fitting(array: Picture, shape: tuple[int, ...]) -> Picture:
    if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != np.uint8:
        raise ValueError(f"a snapshot of observations must be uint8 of shape {shape}")
    return array


def share(part: int, whole: int) -> int:
    """Scale ``part`` of ``whole`` to 0..255: 0 if ``whole`` is 0, 255 if ``part`` is larger."""
    return min(part, whole) * 255 // whole if whole else 0


def scaled_hp(points: int) -> int:
    """Scale HP points (0 to 999 in the game) to 0..249; 255 from 1,020 points up."""
    return min(points // 4, 255)


class ObservationPart(ABC):
    """One entry of the observation: uint8 of ``shape``, values 0 to ``high``."""

    shape: tuple[int, ...]
    high: int = 255

    def reset(self, state: GameState, screen: Picture) -> None:  # noqa: B027 - most parts are stateless
        """Begin an episode at ``state`` with the picture ``screen``."""

    def update(self, screen: Picture, action: int) -> None:  # noqa: B027
        """Take in a step with ``action`` that led to the picture ``screen``."""

    @abstractmethod
    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        """Write the values of this moment to ``out``."""

    def snapshot(self) -> Picture | None:
        """Return what the part remembers of earlier steps; None if it is stateless."""
        return None

    def restore(self, snapshot: Picture) -> None:  # noqa: B027 - called only on parts with a snapshot
        """Continue from a ``snapshot``. Raises ValueError for another shape or dtype."""


class ScreenPart(ObservationPart):
    """The last three pictures in grey at half size, oldest first. An episode starts with three copies."""

    shape = (FRAMES, *HALF_SCREEN)

    def __init__(self) -> None:
        self._film = np.zeros((FILM, *HALF_SCREEN), np.uint8)
        self._end = FRAMES

    def reset(self, state: GameState, screen: Picture) -> None:
        self._end = FRAMES
        self._film[:FRAMES] = _half(screen)

    def update(self, screen: Picture, action: int) -> None:
        if self._end == FILM:
            self._end = FRAMES - 1
            self._film[: self._end] = self._film[-self._end :]
        self._film[self._end] = _half(screen)
        self._end += 1

    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        out[:] = self._film[self._end - FRAMES : self._end]

    def snapshot(self) -> Picture:
        return self._film[self._end - FRAMES : self._end].copy()

    def restore(self, snapshot: Picture) -> None:
        self._end = FRAMES
        self._film[:FRAMES] = _fitting(snapshot, self.shape)


class VisitedPart(ObservationPart):
    """Visited tiles of this map (255), centred on the player (row 24, column 24)."""

    shape = (1, CROP, CROP)

    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        out[0] = visited.crop(state)


class VectorPart(ObservationPart):
    """A one-dimensional part that does not depend on visited tiles.

    It is built as bytes: assigning a few values with NumPy would take longer than everything else.
    """

    @abstractmethod
    def content(self, state: GameState) -> bytes:
        """Return the values of this moment as bytes, of the length of ``shape``."""

    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        out[:] = np.frombuffer(self.content(state), np.uint8)


class NumbersPart(VectorPart):
    """A part made of a few numbers of the state, cached until its key changes."""

    def __init__(self) -> None:
        self._key: object = None
        self._content = b""

    @abstractmethod
    def key(self, state: GameState) -> object:
        """Return what the numbers depend on; never None."""

    @abstractmethod
    def values(self, state: GameState) -> Sequence[int]:
        """Return the numbers, each 0 to 255."""

    def content(self, state: GameState) -> bytes:
        key = self.key(state)
        if key != self._key:
            self._content, self._key = bytes(self.values(state)), key
        return self._content


def _mon_numbers(mon: PartyMon) -> tuple[int, ...]:
    hp = share(mon.hp, mon.max_hp)
    return (mon.species, mon.level, hp, scaled_hp(mon.max_hp), mon.status, *mon.moves, *mon.pp)


class PartyPart(NumbersPart):
    """Six slots of 13 numbers, zeros for an empty slot: species, level, share of HP, maximum HP / 4, status
    byte, four move ids, their four power points."""

    shape = (PARTY_MAX * MON_FIELDS,)

    def key(self, state: GameState) -> object:
        return state.party

    def values(self, state: GameState) -> Sequence[int]:
        numbers = [number for mon in state.party for number in _mon_numbers(mon)]
        return numbers + [0] * (self.shape[0] - len(numbers))


class BattlePart(NumbersPart):
    """The battle in 21 numbers; all but the menu entry are 0 outside of battles.

    In order: flags wild, trainer, just lost; the own creature's level, share of HP and maximum HP / 4; the
    enemy's species, level, share of HP and maximum HP / 4; the menu entry under the cursor; the own
    creature's species, status, four move ids and their power points.
    """

    shape = (21,)

    def key(self, state: GameState) -> object:
        return state if state.battle else state.menu_item

    def values(self, state: GameState) -> Sequence[int]:
        if state.battle == 0:
            return (*(0,) * 10, state.menu_item, *(0,) * 10)
        flags = (255 * (state.battle == kind) for kind in (1, 2, BATTLE_LOST))
        own = _mon_numbers(fighter(state))
        hp, max_hp = state.enemy_hp, state.enemy_max_hp
        enemy = (state.enemy_species, state.enemy_level, share(hp, max_hp), scaled_hp(max_hp))
        return (*flags, *own[1:4], *enemy, state.menu_item, own[0], *own[4:])


class BadgesPart(NumbersPart):
    """Eight flags, the first badge first."""

    shape = (8,)

    def key(self, state: GameState) -> object:
        return state.badges

    def values(self, state: GameState) -> Sequence[int]:
        return [255 * (state.badges >> n & 1) for n in range(8)]


class EventsPart(VectorPart):
    """The game's 2,560 event flags as its 320 bytes: event n is bit n mod 8, least significant first."""

    shape = (EVENT_BYTES,)

    def content(self, state: GameState) -> bytes:
        return state.event_bytes


class FacingPart(VectorPart):
    """Four flags: down, up, left, right."""

    shape = (4,)

    def content(self, state: GameState) -> bytes:
        return _FACING_FLAGS[state.facing]


class RecentActionsPart(VectorPart):
    """The last three actions, oldest first: n + 1 for action n, 0 before the first."""

    shape = (3,)
    high = N_ACTIONS

    def __init__(self) -> None:
        self._codes = bytes(*self.shape)

    def reset(self, state: GameState, screen: Picture) -> None:
        self._codes = bytes(*self.shape)

    def update(self, screen: Picture, action: int) -> None:
        self._codes = self._codes[1:] + bytes((action + 1,))

    def content(self, state: GameState) -> bytes:
        return self._codes

    def snapshot(self) -> Picture:
        return np.frombuffer(self._codes, np.uint8).copy()

    def restore(self, snapshot: Picture) -> None:
        self._codes = _fitting(snapshot, self.shape).tobytes()


PARTS: dict[str, type[ObservationPart]] = {
    "screen": ScreenPart,
    "visited": VisitedPart,
    "party": PartyPart,
    "battle": BattlePart,
    "badges": BadgesPart,
    "events": EventsPart,
    "facing": FacingPart,
    "recent_actions": RecentActionsPart,
}
