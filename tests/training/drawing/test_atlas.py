"""Tests of the picture of the world: towns and routes as they lie, rooms in rows below, nothing overlaps."""

from __future__ import annotations

from itertools import combinations

import pytest

from envs.game.maps import MAP_STEPS
from training.drawing.atlas import Atlas, PlacedMap


def overlap(one: PlacedMap, other: PlacedMap) -> bool:
    across = one.left < other.left + other.width and other.left < one.left + one.width
    return across and one.top < other.top + other.height and other.top < one.top + one.height


@pytest.mark.parametrize("wanted", [[0], [38], [0, 1, 12], [0, 2, 37, 38, 40, 51, 54, 59], list(range(248))])
@pytest.mark.parametrize("embedded", [True, False])
def test_maps_are_placed_beside_each_other(embedded: bool, wanted: list[int]) -> None:
    placed = Atlas(embedded).placed(wanted)
    assert not [pair for pair in combinations(placed, 2) if overlap(*pair)]
    assert min(one.left for one in placed) == min(one.top for one in placed) == 0
    assert {one.map_id for one in placed} >= set(wanted) & ({0, 12} | (set() if embedded else set(MAP_STEPS)))


def test_towns_lie_as_in_the_game() -> None:
    found = {one.map_id: one for one in Atlas(False).placed([0, 1])}
    assert set(found) == {0, 1, 12}, "the route between them is shown too"
    assert found[1].top + found[1].height == found[12].top
    assert found[12].top + found[12].height == found[0].top
    assert all(one.outside for one in found.values())
    assert not Atlas(False).placed([37])[0].outside, "a room"
    assert found[12].left == found[0].left == found[1].left + 10


def test_unknown_maps_are_left_out() -> None:
    assert Atlas(True).placed([255, 11]) == []
