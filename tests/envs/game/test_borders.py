"""Tests of the borders between maps: every loop closes, and no map lies on another."""

from __future__ import annotations

from itertools import combinations

import pytest

from envs.game.borders import BORDERS, Border, corner_beside, corners
from envs.game.maps import MAP_STEPS
from envs.ram import FIRST_INDOOR_MAP
from training.drawing.atlas import _embedded


@pytest.fixture(params=["game", "embedded"])
def world(request: pytest.FixtureRequest) -> tuple[tuple[Border, ...], dict[int, tuple[int, int]]]:
    borders, sizes = (BORDERS, MAP_STEPS) if request.param == "game" else _embedded()
    return tuple(borders), dict(sizes)


def test_every_loop_of_borders_closes() -> None:
    """As in the game; the smaller maps of the embedded cartridge leave some loops open."""
    found = corners(BORDERS, MAP_STEPS)
    for border in BORDERS:
        assert corner_beside(border, found[border.one], MAP_STEPS) == found[border.other], border


def test_no_map_lies_on_another(world: tuple[tuple[Border, ...], dict[int, tuple[int, int]]]) -> None:
    borders, sizes = world
    boxes = {n: (x, y, x + sizes[n][0], y + sizes[n][1]) for n, (x, y) in corners(borders, sizes).items()}
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, (one, other)


def test_all_towns_and_routes_of_the_game_have_a_place() -> None:
    assert set(corners(BORDERS, MAP_STEPS)) == {number for number in MAP_STEPS if number < FIRST_INDOOR_MAP}
