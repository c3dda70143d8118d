"""Observations of an environment: the parts that a config picks, their space and their encoding.

``envs.observation_parts`` describes each part. Everything is uint8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy as np
from gymnasium import spaces

from envs.errors import UserError, known
from envs.observation_names import ACTION_MASK, DEFAULT_OBSERVATIONS, FRAMES, SCREEN_SIZE
from envs.observation_parts.base import ObservationPart, Picture, PicturePart, VectorPart
from envs.observation_parts.mask import MaskPart
from envs.observation_parts.own import OwnPart, is_own
from envs.observation_parts.pictures import ScreenPart
from envs.observation_parts.table import PARTS
from envs.ram import GameState
from envs.visited import VisitedTiles

MOST_TARGETS = 4


class _Target:
    """The arrays of one observation, and what was last written to them.

    A part returns the same object while nothing changes, so that nothing needs to be written.
    """

    def __init__(self, out: dict[str, Picture], parts: Mapping[str, ObservationPart]) -> None:
        self.out = out
        rows = [(part, n, _flat(out[name])) for n, (name, part) in enumerate(parts.items())]
        self._pictures = [(part.content, n, row) for part, n, row in rows if isinstance(part, PicturePart)]
        self._numbers = [(part.content, n, row) for part, n, row in rows if isinstance(part, VectorPart)]
        self._written: list[bytes | memoryview | None] = [None] * len(rows)

    def write(self, state: GameState, visited: VisitedTiles) -> None:
        """Write the observation of this moment."""
        written = self._written
        for picture, n, row in self._pictures:
            image = picture(state, visited)
            if image is not written[n]:
                row[:] = written[n] = image
        for numbers, n, row in self._numbers:
            values = numbers(state)
            if values is not written[n]:
                row[:] = written[n] = values


def _flat(array: Picture) -> memoryview:
    return array.data.cast("B")


def _made(names: Iterable[str], screen: Callable[[], ObservationPart]) -> dict[str, ObservationPart]:
    """Return the parts by name; those of the user's own are named after file and class."""
    parts: dict[str, ObservationPart] = {}
    for name in names:
        if is_own(name):
            own = OwnPart(name)
            if own.name in parts:
                raise UserError(f"observation {own.name} is named twice; rename one of the files")
            parts[own.name] = own
        elif name not in PARTS:
            raise UserError(f'observation "{name}": unknown; {known(name, PARTS)}')
        else:
            parts[name] = screen() if name == "screen" else PARTS[name]()
    return parts


class Observations:
    """The observation parts that a config picks. ``space`` is a gymnasium Dict of uint8 boxes.

    ``frames`` (1 to 8) and ``screen_size`` (of SCREEN_SIZES) are those of the pictures in "screen".
    ``masks`` are rules of ``envs.game.masks``; with any there is one more part, ACTION_MASK. Raises UserError
    for an unknown name or an empty list.
    """

    def __init__(
        self,
        names: Iterable[str] = DEFAULT_OBSERVATIONS,
        frames: int = FRAMES,
        screen_size: str = SCREEN_SIZE,
        masks: Iterable[str] = (),
    ) -> None:
        self._parts = _made(names, partial(ScreenPart, frames, screen_size))
        self.whole_screen = "screen" in self._parts and screen_size == "full"
        """Whether ``reset`` and ``update`` need the whole picture; otherwise half the size is enough."""
        if not self._parts:
            raise UserError(f"observations: the list is empty; known: {', '.join(PARTS)}")
        rules = tuple(masks)
        self.mask = MaskPart(rules) if rules else None
        """The part with the actions that may be chosen; None: all may."""
        if self.mask is not None:
            self._parts[ACTION_MASK] = self.mask
        self._remembering = [
            part for part in self._parts.values() if type(part).update is not ObservationPart.update
        ]
        boxes: dict[str, spaces.Space[Picture]] = {name: part.space() for name, part in self._parts.items()}
        self.space = spaces.Dict(boxes)
        self._targets: dict[int, _Target] = {}

    def reset(self, state: GameState, screen: Picture) -> None:
        """Begin an episode at ``state``. ``screen`` is uint8 (144, 160), or (72, 80) if already shrunk."""
        self._targets.clear()
        for part in self._parts.values():
            part.reset(state, screen)

    def update(self, screen: Picture, action: int) -> None:
        """Take in one step: ``action`` (0 to 6) led to ``screen``, of a shape that ``reset`` takes."""
        for part in self._remembering:
            part.update(screen, action)

    def encode(
        self, state: GameState, visited: VisitedTiles, out: dict[str, Picture] | None = None
    ) -> dict[str, Picture]:
        """Return the observation of this moment, written to ``out`` if given and to new arrays otherwise.

        Arrays of ``out`` are C-contiguous. Nothing else may write to them, except between ``reset`` or
        ``restore`` and the next call: what stays the same is not written again.
        """
        if out is None:
            out = {name: np.empty(part.shape, np.uint8) for name, part in self._parts.items()}
            _Target(out, self._parts).write(state, visited)
            return out
        target = self._targets.get(id(out))
        if target is None or target.out is not out:
            target = self._add_target(out)
        target.write(state, visited)
        return out

    def _add_target(self, out: dict[str, Picture]) -> _Target:
        """Prepare writing to ``out``, once: a worker has two such buffers per game."""
        if len(self._targets) >= MOST_TARGETS:
            self._targets.clear()
        target = self._targets[id(out)] = _Target(out, self._parts)
        return target

    def snapshot(self) -> dict[str, Picture]:
        """Return what each part remembers of earlier steps, by name; stateless parts are left out."""
        kept = {name: part.snapshot() for name, part in self._parts.items()}
        return {name: array for name, array in kept.items() if array is not None}

    def restore(self, snapshot: Mapping[str, Picture]) -> None:
        """Continue from a ``snapshot`` of the same parts. Raises KeyError or ValueError for other parts."""
        self._targets.clear()
        for name, part in self._parts.items():
            if part.snapshot() is not None:
                part.restore(snapshot[name])
