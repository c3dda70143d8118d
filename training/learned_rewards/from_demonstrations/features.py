"""Transitions as vectors of numbers that distances, gradients and noise make sense for.

An id, such as that of a map, is a category: a fixed random vector stands for it, so that no two ids are
closer than others, and noise or a gradient has a scale. A learned vector could grow to escape both. Numbers
are standardised, so that none drowns in noise that is large for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.learned_rewards.from_demonstrations.transitions import Bytes, MomentLayout
from training.learned_rewards.running_moments import RunningMoments, fitting

BOUND = 5.0
"""Standardised numbers are clipped to this."""
LEAST_STD = 0.02
"""Least deviation of a number, as a share of its highest value: one that hardly varies would else explode."""
IDS_OF_A_KIND = 256
SEED = 0x1D5
"""Added to the run's seed for the vectors of ids."""


class TransitionFeatures:
    """Maps transitions, uint8 (n, 2, width), to float32 (n, features).

    ``embedding`` is the width of an id's vector, whose values are -1 or 1. With ``standardise`` numbers have
    the mean 0 and the deviation 1 of all rows that were added with ``add``. Otherwise they are scaled to
    0..1. ``moments`` is how many of the two moments are used, the later one first.
    """

    def __init__(
        self, layout: MomentLayout, embedding: int, seed: int, standardise: bool = True, moments: int = 2
    ) -> None:
        self._standardise, self._moments = standardise, moments
        self._ids = np.array([column for column, kind in enumerate(layout.kinds) if kind], np.int64)
        self._numbers = np.array([column for column, kind in enumerate(layout.kinds) if not kind], np.int64)
        self._highest = layout.highest[self._numbers]
        chance = np.random.default_rng([SEED, seed])
        tables = {
            kind: chance.integers(0, 2, (IDS_OF_A_KIND, embedding)) * 2 - 1
            for kind in sorted({kind for kind in layout.kinds if kind})
        }
        vectors = [tables[layout.kinds[column]] for column in self._ids]
        self._vectors = np.array(vectors, np.float32).reshape(len(vectors), IDS_OF_A_KIND, embedding)
        self._statistics = RunningMoments((len(self._numbers),))
        self._kept = np.ones(moments * self._one_moment, np.bool_)

    @property
    def _one_moment(self) -> int:
        return len(self._numbers) + self._vectors.shape[0] * self._vectors.shape[2]

    @property
    def width(self) -> int:
        """How many features there are."""
        return int(self._kept.sum())

    @property
    def dropped(self) -> int:
        """How many features were dropped because they are constant."""
        return len(self._kept) - self.width

    def add(self, pairs: Bytes) -> None:
        """Take the later moments of transitions into the statistics of the numbers."""
        self._statistics.add(pairs[:, 1][:, self._numbers])

    def drop_constant(self, pairs: Bytes) -> None:
        """From now on leave out features that are the same in all of these transitions.

        They say nothing, and noise added to them would be most of a transition's distance to its neighbours.
        """
        everything = self._everything(pairs)
        self._kept = (everything != everything[:1]).any(axis=0)

    def __call__(self, pairs: Bytes) -> torch.Tensor:
        """uint8 (n, 2, width) to float32 (n, features)."""
        return torch.from_numpy(self._everything(pairs)[:, self._kept])

    def _everything(self, pairs: Bytes) -> NDArray[np.float32]:
        parts = [self._of_moment(pairs[:, 1 - earlier]) for earlier in range(self._moments)]
        return np.concatenate(parts, axis=1)

    def _of_moment(self, rows: Bytes) -> NDArray[np.float32]:
        numbers = self._scaled(rows[:, self._numbers].astype(np.float32))
        vectors = [table[rows[:, column]] for table, column in zip(self._vectors, self._ids, strict=True)]
        return np.concatenate([numbers, *vectors], axis=1)

    def _scaled(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self._standardise:
            return numbers / self._highest
        std = np.maximum(self._statistics.std, LEAST_STD * self._highest).astype(np.float32)
        mean = self._statistics.mean.astype(np.float32)
        scaled: NDArray[np.float32] = ((numbers - mean) / std).clip(-BOUND, BOUND)
        return scaled

    def state(self) -> dict[str, Any]:
        """Return copies of the vectors, the statistics and which features are kept."""
        return {
            "vectors": self._vectors.copy(),
            "statistics": self._statistics.state(),
            "kept": self._kept.astype(np.uint8),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        vectors = fitting(state["vectors"], self._vectors, "vectors")
        kept = fitting(state["kept"], self._kept.astype(np.uint8), "kept")
        self._statistics.restore(state["statistics"])
        self._vectors, self._kept = vectors, kept.astype(np.bool_)
