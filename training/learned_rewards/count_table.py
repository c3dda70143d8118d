"""A table of bounded size that counts how often each cell was visited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.uint64]
Counts = NDArray[np.int64]
KEPT = 0.75
"""Share of a full table that is kept."""


class CountTable:
    """Visits of at most ``capacity`` cells, in arrays that are sorted by cell: 24 bytes each.

    When more cells come, those visited longest ago are forgotten, until three quarters of the table are left.
    A forgotten cell counts as new when it is visited again.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._cells: Cells = np.empty(0, np.uint64)
        self._counts: Counts = np.empty(0, np.int64)
        self._last: Counts = np.empty(0, np.int64)  # the addition in which a cell was visited last
        self._additions = 0
        self.forgotten = 0
        """Number of cells forgotten so far."""

    def __len__(self) -> int:
        return len(self._cells)

    def counts(self, cells: Cells) -> Counts:
        """Return the number of visits so far of each of ``cells``, (n,)."""
        if not len(self._cells):
            return np.zeros(len(cells), np.int64)
        places = np.minimum(np.searchsorted(self._cells, cells), len(self._cells) - 1)
        return np.where(self._cells[places] == cells, self._counts[places], 0)

    def add(self, cells: Cells) -> int:
        """Count one visit for each of ``cells``, (n,), in which a cell may be repeated.

        Returns the number of cells that were not in the table.
        """
        self._additions += 1
        visited, visits = np.unique(cells, return_counts=True)
        places = np.searchsorted(self._cells, visited)
        known = np.zeros(len(visited), np.bool_)
        inside = places < len(self._cells)
        known[inside] = self._cells[places[inside]] == visited[inside]
        self._counts[places[known]] += visits[known]
        self._last[places[known]] = self._additions
        new = ~known
        self._cells = np.insert(self._cells, places[new], visited[new])
        self._counts = np.insert(self._counts, places[new], visits[new])
        self._last = np.insert(self._last, places[new], self._additions)
        self._forget()
        return int(new.sum())

    def _forget(self) -> None:
        if len(self) <= self.capacity:
            return
        surplus = len(self) - int(KEPT * self.capacity)
        kept = np.sort(np.argsort(self._last, kind="stable")[surplus:])
        self._cells, self._counts, self._last = self._cells[kept], self._counts[kept], self._last[kept]
        self.forgotten += surplus

    def state(self) -> dict[str, Any]:
        """Return the table as plain values and copies of its arrays."""
        return {
            "cells": self._cells.copy(),
            "counts": self._counts.copy(),
            "last": self._last.copy(),
            "additions": self._additions,
            "forgotten": self.forgotten,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state()``. Raises ValueError, KeyError or TypeError if it is damaged."""
        cells = _array(state, "cells", np.uint64)
        counts, last = (_array(state, name, np.int64) for name in ("counts", "last"))
        if not len(cells) == len(counts) == len(last):
            raise ValueError(f"{len(cells)} cells, {len(counts)} counts and {len(last)} last visits")
        if (cells[1:] <= cells[:-1]).any():
            raise ValueError("the cells are not sorted")
        self._cells, self._counts, self._last = cells, counts, last
        self._additions, self.forgotten = int(state["additions"]), int(state["forgotten"])
        self._forget()  # the table may have become smaller


def _array(state: Mapping[str, Any], name: str, kind: type[np.generic]) -> NDArray[Any]:
    array = state[name]
    if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype != kind:
        raise ValueError(f"{name} must be an array of {kind.__name__}")
    return array.copy()
