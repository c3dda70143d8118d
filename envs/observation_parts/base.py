"""What all parts of an observation share: the base classes, fields of numbers, and scaling to bytes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.ram import GameState
from envs.visited import VisitedTiles

Picture = NDArray[np.uint8]
N_ACTIONS = 7
NO_ID = 255
"""Id of a field that is empty, where 0 is a real one: types begin at 0."""
NOBODY = (0, NO_ID, NO_ID, 0, 0, 0, 0)
"""Values of ``party_ids`` where there is no creature."""
STATUS_FLAGS = 5
"""Asleep, poisoned, burnt, frozen, paralysed."""


def picker(*names: str) -> Callable[[GameState], tuple[object, ...]]:
    """Return a function that picks two or more fields of a GameState, in less time than attributes take."""
    return itemgetter(*map(GameState._fields.index, names))


def fitting(array: Picture, shape: tuple[int, ...]) -> Picture:
    """Return ``array`` of a snapshot. Raises ValueError unless it is uint8 of ``shape``."""
    if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != np.uint8:
        raise ValueError(f"a snapshot of observations must be uint8 of shape {shape}")
    return array


def share(part: int, whole: int) -> int:
    """Scale ``part`` of ``whole`` to 0..255: 0 if ``whole`` is 0, 255 if ``part`` is larger."""
    return min(part, whole) * 255 // whole if whole else 0


def scaled_hp(points: int) -> int:
    """Scale HP points (0 to 999 in the game) to 0..249; 255 from 1,020 points up."""
    return min(points // 4, 255)


def scaled_log(amount: int, most: int) -> int:
    """Scale ``amount`` (0 to ``most``, or more) to 0..255 by the logarithm of 1 + ``amount``."""
    return round(255 * math.log1p(min(amount, most)) / math.log1p(most))


def one_hot(index: int, kinds: int) -> tuple[int, ...]:
    """Return ``kinds`` flags of which number ``index`` is 1; all are 0 if there is no such flag."""
    return tuple(int(index == kind) for kind in range(kinds))


def status_flags(status: int) -> tuple[int, ...]:
    """Return five flags of the game's status byte: asleep, poisoned, burnt, frozen, paralysed."""
    return (int(status & 7 != 0), *(status >> bit & 1 for bit in (3, 4, 5, 6)))


class ObservationPart(ABC):
    """One entry of the observation: uint8 of ``shape``, values 0 to ``high``, one for all or one for each."""

    shape: tuple[int, ...]
    high: int | tuple[int, ...] = 255
    ids: ClassVar[tuple[str, ...]] = ()
    """Kinds of the ids that the part begins with, such as "map": the policy embeds them."""
    source: ClassVar[str] = ""
    """Where the values come from: symbols of envs.ram, or a text."""

    def space(self) -> spaces.Space[Picture]:
        """Return the space of the values."""
        highest: Any = np.broadcast_to(np.asarray(self.high, np.uint8), self.shape)
        return spaces.Box(np.zeros_like(highest), highest, self.shape, np.uint8)

    def reset(self, state: GameState, screen: Picture) -> None:  # noqa: B027 - most parts are stateless
        """Begin an episode at ``state`` with the picture ``screen``."""

    def update(self, screen: Picture, action: int) -> None:  # noqa: B027
        """Take in a step with ``action`` that led to the picture ``screen``."""

    def snapshot(self) -> Any:
        """Return what the part remembers of earlier steps; None if it is stateless."""
        return None

    def restore(self, snapshot: Any) -> None:  # noqa: B027 - called only on parts with a snapshot
        """Continue from a ``snapshot``. Raises ValueError for another shape or dtype."""


class VectorPart(ObservationPart):
    """A one-dimensional part that does not depend on visited tiles.

    It is built as bytes: assigning a few values with NumPy would take longer than everything else.
    """

    @abstractmethod
    def content(self, state: GameState) -> bytes:
        """Return the values of this moment as bytes, of the length of ``shape``."""


class PicturePart(ObservationPart):
    """A part made of pictures."""

    @abstractmethod
    def content(self, state: GameState, visited: VisitedTiles) -> bytes | memoryview:
        """Return the values of this moment as bytes, row by row.

        If it is the same object as in an earlier call, its content is the same.
        """


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


@dataclass(frozen=True, slots=True)
class Field:
    """``count`` neighbouring numbers of a part: their meaning, their maximum and where they come from.

    ``ids``: the kind of ids that they are ("map", "species", "move" or "type"); empty for amounts and flags.
    ``source``: symbols of envs.ram, or a text.
    """

    meaning: str
    count: int
    high: int
    source: str
    ids: str = ""


def ids(kind: str, count: int, meaning: str, source: str) -> Field:
    """Return a field of ids, which the policy embeds."""
    return Field(meaning, count, 255, source, kind)


def party_ids(species: str, types: str, moves: str) -> tuple[Field, ...]:
    """Return the fields of ids of a creature of the party, by what each means. NOBODY is an empty slot."""
    fields = (("species", 1, species), ("type", 2, types), ("move", 4, moves))
    return tuple(ids(kind, count, meaning, "W_PARTY_MONS") for kind, count, meaning in fields)


def flags(count: int, meaning: str, source: str) -> Field:
    """Return a field of numbers that are 0 or 1."""
    return Field(meaning, count, 1, source)


class FieldsPart(NumbersPart):
    """A NumbersPart whose ``fields`` give shape, highest values and ids. Fields of ids come first."""

    fields: ClassVar[tuple[Field, ...]]

    def __init_subclass__(cls) -> None:
        cls.high = tuple(field.high for field in cls.fields for _ in range(field.count))
        cls.ids = tuple(field.ids for field in cls.fields if field.ids for _ in range(field.count))
        cls.shape = (len(cls.high),)
        cls.source = "; ".join(dict.fromkeys(field.source for field in cls.fields))
