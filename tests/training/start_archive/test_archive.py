"""The archive: shortest ways, capacity, and checkpoints."""

from __future__ import annotations

import zlib

import numpy as np

from envs.archive_scout import Cell, Way
from envs.tree_codec import pack, unpack
from training.start_archive.archive import REMEMBERED, Archive


def cell(key: str, steps: int, milestones: int = 1) -> Cell:
    parts = {"emulator": zlib.compress(b"state"), "observations": {"screen": np.zeros((2, 2), np.uint8)}}
    return Cell(key, (1 << milestones) - 1, 12, Way("starter", "0" * 64, 7, bytes(steps)), parts)


def test_the_shortest_way_to_a_cell_is_kept() -> None:
    archive = Archive(10)
    assert archive.merge([cell("a", 30), cell("b", 50), cell("a", 20), cell("a", 25)]) == 2
    assert archive.lengths() == {"a": 20, "b": 50}
    assert archive.merge([cell("a", 20)]) == 0
    assert [entry.found for entry in archive.entries.values()] == [0, 1]


def test_visits_stay_when_a_way_becomes_shorter() -> None:
    archive = Archive(10)
    archive.merge([cell("a", 30)])
    archive.entries["a"].visits = 5
    archive.merge([cell("a", 10)])
    assert archive.entries["a"].visits == 5


def test_a_full_archive_gives_up_what_has_fewest_milestones_and_most_visits() -> None:
    archive = Archive(3)
    archive.merge([cell("far", 90, 4), cell("near", 10, 1), cell("known", 20, 1)])
    archive.entries["known"].visits = 9
    archive.merge([cell("new", 30, 2)])
    assert list(archive.entries) == ["far", "near", "new"]
    assert archive.lengths()["known"] == 20  # so that it is not sent again
    archive.merge([cell("known", 15, 1)])  # by a shorter way it is
    assert len(archive.entries) == 3
    assert "far" in archive.entries


def test_nothing_grows_beyond_the_capacity() -> None:
    archive = Archive(2)
    archive.merge(cell(str(number), 10 + number) for number in range(100))
    assert len(archive.entries) == 2
    assert len(archive.removed) == REMEMBERED * 2


def test_the_furthest_cell_has_most_milestones_and_then_the_shortest_way() -> None:
    archive = Archive(10)
    assert archive.furthest() is None
    archive.merge([cell("a", 5, 1), cell("b", 90, 3), cell("c", 70, 3), cell("d", 70, 3)])
    furthest = archive.furthest()
    assert furthest is not None
    assert furthest.cell.key == "c"


def test_an_archive_survives_a_checkpoint() -> None:
    archive, again = Archive(2), Archive(2)
    archive.merge([cell("a", 5, 1), cell("b", 90, 3), cell("c", 70, 2)])
    archive.entries["b"].visits = 4
    again.restore(unpack(*pack(archive.snapshot())))
    assert again.lengths() == archive.lengths()
    assert [(e.visits, e.found, e.cell.way, e.cell.held) for e in again.entries.values()] == [
        (e.visits, e.found, e.cell.way, e.cell.held) for e in archive.entries.values()
    ]
    assert again.discoveries == 3
    smaller = Archive(1)
    smaller.restore(unpack(*pack(archive.snapshot())))
    assert list(smaller.entries) == ["b"]
