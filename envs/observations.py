"""What an agent sees: one table of name, shape, highest value and encoder. The spaces are made from it.

Everything is uint8. Flags are 0 or 255 and shares of HP run from 0 to 255, so that one division by 255
suits all but ids, "events" (320 bytes of flags, unpacked inside the policy) and "recent_actions" (codes 0
to 7).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.errors import UserError, known
from envs.fighter import fighter
from envs.observation_names import OBSERVATION_NAMES
from envs.ram import BATTLE_LOST, EVENT_BYTES, PARTY_MAX, GameState, PartyMon
from envs.visited import CROP, VisitedTiles

Picture = NDArray[np.uint8]
N_ACTIONS = 7
HALF_SCREEN = (72, 80)  # pixels
FRAMES = 3
FILM = 16
"""Pictures that have room before the last ones are moved back to the beginning."""
MON_FIELDS = 13
FACINGS = (0, 4, 8, 12)  # down, up, left, right
_FACING_FLAGS = {facing: bytes(255 * (facing == own) for own in FACINGS) for facing in FACINGS}


def shrink(picture: Picture) -> Picture:
    """Every second pixel of every second row: uint8 (2h, 2w) to uint8 (h, w), a view.

    Of what a picture is made of, tiles of 8 x 8 pixels, each keeps 4 x 4. The mean of 2 x 2 would cost ten
    times as much, which is four parts in a hundred of all steps.
    """
    return picture[::2, ::2]


def _half(picture: Picture) -> Picture:
    return picture if picture.shape == HALF_SCREEN else shrink(picture)


def _fitting(array: Picture, shape: tuple[int, ...]) -> Picture:
    if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != np.uint8:
        raise ValueError(f"a snapshot of observations must be uint8 of shape {shape}")
    return array


def share(part: int, whole: int) -> int:
    """``part`` of ``whole`` as 0 to 255; 0 when there is no whole, 255 when the part is larger."""
    return min(part, whole) * 255 // whole if whole else 0


def scaled_hp(points: int) -> int:
    """HP points (0 to 999 in the game) as 0 to 249; 255 for anything from 1,020 up."""
    return min(points // 4, 255)


class ObservationPart(ABC):
    """One entry of the observation: uint8 of ``shape``, values 0 to ``high``."""

    shape: tuple[int, ...]
    high: int = 255

    def reset(self, state: GameState, screen: Picture) -> None:  # noqa: B027 - most parts remember nothing
        """An episode begins at ``state`` with the picture ``screen``."""

    def update(self, screen: Picture, action: int) -> None:  # noqa: B027
        """A step was taken with ``action``; ``screen`` is the picture after it."""

    @abstractmethod
    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        """Put the values of this moment into ``out``."""

    def snapshot(self) -> Picture | None:
        """What it remembers of earlier steps; None: nothing."""
        return None

    def restore(self, snapshot: Picture) -> None:  # noqa: B027 - asked only of what gave a snapshot
        """Go on from what ``snapshot`` gave. Raises ValueError for another shape or dtype."""


class ScreenPart(ObservationPart):
    """The last three pictures in grey at half size, oldest first; thrice the first as an episode begins."""

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
    """The tiles of this map that the episode has stood on (255), round the player (row 24, column 24)."""

    shape = (1, CROP, CROP)

    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        out[0] = visited.crop(state)


class VectorPart(ObservationPart):
    """A part of one dimension that does not depend on visited tiles. It is made as bytes: NumPy would take
    longer to assign a few of them than everything else does."""

    @abstractmethod
    def content(self, state: GameState) -> bytes:
        """The values of this moment, as many as ``shape`` says."""

    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        out[:] = np.frombuffer(self.content(state), np.uint8)


class NumbersPart(VectorPart):
    """A part made of a few numbers of the state alone, which are kept until what they depend on changes."""

    def __init__(self) -> None:
        self._key: object = None
        self._content = b""

    @abstractmethod
    def key(self, state: GameState) -> object:
        """What the numbers depend on; not None."""

    @abstractmethod
    def values(self, state: GameState) -> Sequence[int]:
        """The numbers, each 0 to 255."""

    def content(self, state: GameState) -> bytes:
        key = self.key(state)
        if key != self._key:
            self._content, self._key = bytes(self.values(state)), key
        return self._content


def _mon_numbers(mon: PartyMon) -> tuple[int, ...]:
    hp = share(mon.hp, mon.max_hp)
    return (mon.species, mon.level, hp, scaled_hp(mon.max_hp), mon.status, *mon.moves, *mon.pp)


class PartyPart(NumbersPart):
    """Six times 13, zeros for an empty slot: species, level, share of HP, maximal HP / 4, status byte, four
    move ids, their four power points."""

    shape = (PARTY_MAX * MON_FIELDS,)

    def key(self, state: GameState) -> object:
        return state.party

    def values(self, state: GameState) -> Sequence[int]:
        numbers = [number for mon in state.party for number in _mon_numbers(mon)]
        return numbers + [0] * (self.shape[0] - len(numbers))


class BattlePart(NumbersPart):
    """Wild, trainer, just lost (flags); level, share of HP, maximal HP / 4 of the own creature that fights;
    enemy species, level, share of HP, maximal HP / 4; the menu entry under the cursor; species, status, four
    move ids and their power points of the own creature. Zeros but for the menu entry without a battle."""

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
    """Eight flags, first badge first."""

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
    """The last three actions, oldest first: 0 none yet, n + 1 for action n."""

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
MOST_TARGETS = 4
Write = Callable[[Picture, GameState, VisitedTiles], None]
Target = tuple[list[tuple[Write, Picture]], list[tuple[Callable[[GameState], bytes], memoryview]]]


def _check(name: str) -> str:
    if name not in PARTS:
        raise UserError(f'observation "{name}": unknown; {known(name, PARTS)}')
    return name


class Observations:
    """The parts that a config picks, and their space: gymnasium Dict of uint8 boxes.

    Raises UserError for a name that is not in the table, and when there is none.
    """

    def __init__(self, names: Iterable[str] = OBSERVATION_NAMES) -> None:
        self._parts = {_check(name): PARTS[name]() for name in names}
        if not self._parts:
            raise UserError(f"observations: none picked; known: {', '.join(PARTS)}")
        self._remembering = [
            part for part in self._parts.values() if type(part).update is not ObservationPart.update
        ]
        boxes: dict[str, spaces.Space[Picture]] = {
            name: spaces.Box(0, part.high, part.shape, np.uint8) for name, part in self._parts.items()
        }
        self.space = spaces.Dict(boxes)
        self._targets: dict[int, tuple[dict[str, Picture], Target]] = {}

    def reset(self, state: GameState, screen: Picture) -> None:
        """An episode begins at ``state``; ``screen`` is uint8 (144, 160), or (72, 80) when it was shrunk."""
        for part in self._parts.values():
            part.reset(state, screen)

    def update(self, screen: Picture, action: int) -> None:
        """One step was taken: ``action`` (0 to 6) led to the picture ``screen``, as ``reset`` takes it."""
        for part in self._remembering:
            part.update(screen, action)

    def encode(
        self, state: GameState, visited: VisitedTiles, out: dict[str, Picture] | None = None
    ) -> dict[str, Picture]:
        """The observation of this moment, in ``out`` where that is given and in new arrays otherwise."""
        if out is None:
            out = {name: np.empty(part.shape, np.uint8) for name, part in self._parts.items()}
            for name, part in self._parts.items():
                part.write(out[name], state, visited)
            return out
        pictures, rows = self._target(out)
        for write, array in pictures:
            write(array, state, visited)
        for content, place in rows:
            place[:] = content(state)
        return out

    def _target(self, out: dict[str, Picture]) -> Target:
        """Where the parts go in ``out``, found out once: a worker has two such places for a game."""
        kept = self._targets.get(id(out))
        if kept is not None and kept[0] is out:
            return kept[1]
        if len(self._targets) >= MOST_TARGETS:
            self._targets.clear()
        parts = [(part, out[name]) for name, part in self._parts.items()]
        target: Target = (
            [(part.write, array) for part, array in parts if not isinstance(part, VectorPart)],
            [(part.content, array.data) for part, array in parts if isinstance(part, VectorPart)],
        )
        self._targets[id(out)] = out, target
        return target

    def snapshot(self) -> dict[str, Picture]:
        """What each part remembers of earlier steps, by name; parts that remember nothing are left out."""
        kept = {name: part.snapshot() for name, part in self._parts.items()}
        return {name: array for name, array in kept.items() if array is not None}

    def restore(self, snapshot: Mapping[str, Picture]) -> None:
        """Go on from what ``snapshot`` of the same parts gave. Raises KeyError or ValueError for others."""
        for name, part in self._parts.items():
            if part.snapshot() is not None:
                part.restore(snapshot[name])
