"""The archive: the shortest known way to every cell, with what an episode needs to begin there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from envs.archive_scout import Cell

REMEMBERED = 10
"""Removed cells, per cell of the capacity, whose ways are remembered, so that they are not sent again."""


@dataclass(slots=True)
class Entry:
    """A cell in the archive. ``visits``: episodes that began there. ``found``: number of its discovery."""

    cell: Cell
    visits: int
    found: int

    @property
    def rank(self) -> int:
        """Number of milestones held."""
        return self.cell.held.bit_count()


class Archive:
    """At most ``capacity`` cells by key, in the order of their discovery.

    When it is full, a new cell takes the place of the one with the fewest milestones; of several the one with
    the most visits, of several the oldest.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.entries: dict[str, Entry] = {}
        self.removed: dict[str, int] = {}
        """Steps of the shortest known way to removed cells, oldest first."""
        self.discoveries = 0
        """Number of cells discovered so far."""

    def merge(self, cells: Iterable[Cell]) -> int:
        """Take in ``cells``, in that order, if they are new or reached by a shorter way.

        Returns the number of new cells.
        """
        before = self.discoveries
        for cell in cells:
            self._take(cell)
        return self.discoveries - before

    def _take(self, cell: Cell) -> None:
        entry = self.entries.get(cell.key)
        if entry is not None:
            if cell.length < entry.cell.length:
                entry.cell = cell
            return
        self.removed.pop(cell.key, None)
        self.entries[cell.key] = Entry(cell, 0, self.discoveries)
        self.discoveries += 1
        if len(self.entries) > self.capacity:
            self._remove(min(self.entries.values(), key=lambda e: (e.rank, -e.visits, e.found)))

    def _remove(self, entry: Entry) -> None:
        del self.entries[entry.cell.key]
        self.removed[entry.cell.key] = entry.cell.length
        while len(self.removed) > REMEMBERED * self.capacity:
            del self.removed[next(iter(self.removed))]

    def lengths(self) -> dict[str, int]:
        """Return the steps of the shortest known way to each cell, removed ones included."""
        return self.removed | {key: entry.cell.length for key, entry in self.entries.items()}

    def furthest(self) -> Entry | None:
        """Return the entry with the most milestones; of several the one with the shortest way."""
        return max(self.entries.values(), key=lambda e: (e.rank, -e.cell.length, -e.found), default=None)

    def snapshot(self) -> dict[str, Any]:
        """Return everything as plain values, bytes and arrays."""
        return {
            "entries": [
                {"cell": entry.cell.plain(), "visits": entry.visits, "found": entry.found}
                for entry in self.entries.values()
            ],
            "removed": dict(self.removed),
            "discoveries": self.discoveries,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue from a ``snapshot``; the oldest cells beyond the capacity are removed.

        Raises ValueError, KeyError or TypeError for an invalid one.
        """
        entries = [
            Entry(Cell.of(one["cell"]), int(one["visits"]), int(one["found"])) for one in snapshot["entries"]
        ]
        self.entries = {entry.cell.key: entry for entry in entries}
        self.removed = {str(key): int(length) for key, length in snapshot["removed"].items()}
        self.discoveries = int(snapshot["discoveries"])
        while len(self.entries) > self.capacity:
            self._remove(min(self.entries.values(), key=lambda e: (e.rank, -e.visits, e.found)))
