"""Selection of the cells where episodes begin: a weight for each entry of the archive."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.start_archive.archive import Entry

SWARM = 64
"""Episodes that begin at a new frontier before others get a share again."""
Weights = NDArray[np.float64]


def uniform(entries: Sequence[Entry]) -> Weights:
    """All cells alike."""
    return np.ones(len(entries))


def count(entries: Sequence[Entry]) -> Weights:
    """1 / sqrt(visits + 1): cells that few episodes began in are preferred."""
    return np.array([1 / math.sqrt(entry.visits + 1) for entry in entries])


def frontier(entries: Sequence[Entry]) -> Weights:
    """The newest milestone first.

    When a milestone falls, all episodes of the archive begin in the cells with the most milestones, until
    SWARM did. After that a cell's weight halves with each milestone less, and follows ``count`` among equals.
    """
    ranks = np.array([entry.rank for entry in entries])
    front = ranks == ranks.max()
    visits = sum(entry.visits for entry, there in zip(entries, front, strict=True) if there)
    weights = count(entries)
    weights *= front if visits < SWARM else 0.5 ** (ranks.max() - ranks)
    return weights


SELECTIONS: dict[str, Callable[[Sequence[Entry]], Weights]] = {
    "count": count,
    "frontier": frontier,
    "uniform": uniform,
}
"""Ways of selecting by name; each returns weights of at least 0, not all 0."""


def draw(entries: Sequence[Entry], selection: str, generator: np.random.Generator) -> Entry:
    """Draw one of ``entries`` (at least one) by the weights of ``selection``."""
    weights = SELECTIONS[selection](entries)
    return entries[int(generator.choice(len(entries), p=weights / weights.sum()))]
