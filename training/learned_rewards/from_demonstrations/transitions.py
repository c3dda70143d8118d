"""Transitions as rows of bytes: two moments that follow each other, of the observations that are compared."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from training.learned_rewards.interface import Demonstrated, Observations, Rollout
from training.policies.features import IDS

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
PICTURE_ROWS = 18
"""Rows of a picture that is compared: half map tiles of the screen."""


class MomentLayout:
    """The observations ``names`` as one row of bytes. Newest pictures are shrunk to about 18 rows."""

    def __init__(self, space: spaces.Dict, names: Sequence[str]) -> None:
        self._names = tuple(names)
        kinds: list[str] = []
        highest: list[int] = []
        for name in self._names:
            box = space[name]
            assert isinstance(box, spaces.Box)
            high = shrunk(box.high[np.newaxis])[0] if len(box.shape) == 3 else box.high.reshape(-1)
            ids = IDS.get(name, ())
            kinds += [*ids, *[""] * (len(high) - len(ids))]
            highest += [int(value) for value in high]
        self.kinds = tuple(kinds)
        """The kind of id of each column, such as "map"; empty for numbers."""
        self.highest = np.array(highest, np.float32)
        """The highest value of each column."""

    @property
    def width(self) -> int:
        """Bytes of a row."""
        return len(self.kinds)

    def rows(self, observations: Observations) -> Bytes:
        """uint8 (n, ...) by name to uint8 (n, width)."""
        parts = [observations[name] for name in self._names]
        flat = [
            shrunk(part) if part.ndim == 4 else part.reshape(len(part), math.prod(part.shape[1:]))
            for part in parts
        ]
        return np.concatenate(flat, axis=1)


def shrunk(pictures: Bytes) -> Bytes:
    """Return the newest of stacked pictures in means of squares: uint8 (n, k, h, w) to uint8 (n, pixels)."""
    size = max(1, pictures.shape[2] // PICTURE_ROWS)
    rows, columns = pictures.shape[2] // size, pictures.shape[3] // size
    newest = pictures[:, -1, : rows * size, : columns * size]
    squares = newest.reshape(len(newest), rows, size, columns, size)
    means: Bytes = squares.mean(axis=(2, 4), dtype=np.float32).astype(np.uint8)
    return means.reshape(len(newest), -1)


def of_rollout(layout: MomentLayout, rollout: Rollout) -> tuple[Bytes, Flags]:
    """Return the transition of each step, uint8 (n_steps x n_envs, 2, width), and which of them are valid.

    A step that ended an episode is not: what follows is the next episode.
    """
    steps, envs = rollout.shape
    moments = np.empty((steps + 1, envs, layout.width), np.uint8)
    for step in range(steps):
        moments[step] = layout.rows({name: array[step] for name, array in rollout.observations.items()})
    moments[steps] = layout.rows(rollout.last)
    ended = np.concatenate([rollout.episode_starts[1:], rollout.dones[np.newaxis]])
    pairs = np.stack([moments[:-1], moments[1:]], axis=2)
    return pairs.reshape(steps * envs, 2, layout.width), (rollout.valid & ~ended).ravel()


def of_demonstrations(layout: MomentLayout, demonstrated: Demonstrated, indices: NDArray[np.int64]) -> Bytes:
    """Return the transitions that begin at the moments ``indices``, uint8 (n, 2, width).

    The last moment of an episode begins none.
    """
    begins = indices[~demonstrated.ends[indices]]
    moments = [
        layout.rows({name: array[begins + later] for name, array in demonstrated.observations.items()})
        for later in (0, 1)
    ]
    return np.stack(moments, axis=1)
