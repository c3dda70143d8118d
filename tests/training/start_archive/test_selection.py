"""Selection of cells: weights, and the swarm at a new frontier."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.training.start_archive.test_archive import cell
from training.start_archive.archive import Entry
from training.start_archive.selection import SWARM, count, draw, frontier, uniform


def entries(*pairs: tuple[int, int]) -> list[Entry]:
    """Entries with (milestones, visits)."""
    return [Entry(cell(str(n), 10, held), visits, n) for n, (held, visits) in enumerate(pairs)]


def test_all_alike_or_by_visits() -> None:
    found = entries((1, 0), (1, 3), (2, 99))
    assert uniform(found).tolist() == [1, 1, 1]
    assert count(found).tolist() == pytest.approx([1, 0.5, 0.1])


def test_a_new_frontier_gets_every_episode_for_a_while() -> None:
    found = entries((1, 0), (3, 0), (3, 3), (2, 0))
    assert frontier(found).tolist() == pytest.approx([0, 1, 0.5, 0])
    found[1].visits = SWARM - 3
    assert frontier(found)[0] > 0
    assert frontier(found)[0] == pytest.approx(0.25)
    assert frontier(found)[3] == pytest.approx(0.5)
    newer = [*found, Entry(cell("new", 10, 4), 0, 9)]
    assert frontier(newer).tolist() == [0, 0, 0, 0, 1]


def test_draws_follow_the_weights_and_the_seed() -> None:
    found = entries((1, 0), (1, 3), (1, 8))
    drawn = [draw(found, "count", generator).cell.key for generator in [np.random.default_rng(1)] * 3000]
    again = [draw(found, "count", generator).cell.key for generator in [np.random.default_rng(1)] * 3000]
    assert drawn == again
    shares = {key: number / 3000 for key, number in Counter(drawn).items()}
    assert shares == pytest.approx({"0": 6 / 11, "1": 3 / 11, "2": 2 / 11}, abs=0.05)
