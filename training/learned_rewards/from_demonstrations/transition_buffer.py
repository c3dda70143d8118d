"""A bounded buffer of transitions, from which minibatches are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.learned_rewards.from_demonstrations.transitions import Bytes


class TransitionBuffer:
    """Keeps up to ``capacity`` transitions, uint8 (2, width) each.

    Once it is full, a share of ``keep`` of those that are added replaces random ones.
    """

    def __init__(self, capacity: int, width: int, keep: float = 1.0) -> None:
        self._capacity, self._width, self._keep = capacity, width, keep
        self.rows: Bytes = np.empty((0, 2, width), np.uint8)
        """The transitions, (n, 2, width)."""

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, pairs: Bytes, chance: np.random.Generator) -> None:
        """Add transitions, (n, 2, width)."""
        free = self._capacity - len(self.rows)
        self.rows = np.concatenate([self.rows, pairs[:free]])
        late = pairs[free:]
        late = late[chance.random(len(late)) < self._keep][: self._capacity]
        if len(late):
            self.rows[chance.permutation(self._capacity)[: len(late)]] = late

    def draw(self, number: int, chance: np.random.Generator) -> Bytes:
        """Draw ``number`` transitions with replacement. Returns no transitions if the buffer is empty."""
        return drawn(self.rows, number, chance)

    def state(self) -> dict[str, Any]:
        """Return a copy of the transitions."""
        return {"rows": self.rows.tobytes()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        rows = np.frombuffer(state["rows"], np.uint8).reshape(-1, 2, self._width).copy()
        if len(rows) > self._capacity:
            raise ValueError(f"{len(rows)} transitions, but {self._capacity} are kept")
        self.rows = rows


def drawn(pairs: Bytes, number: int, chance: np.random.Generator) -> Bytes:
    """Draw ``number`` transitions with replacement. Returns ``pairs`` unchanged if it is empty."""
    return pairs[chance.integers(0, len(pairs), number)] if len(pairs) else pairs
