"""Where the player is, as the network sees it."""

from __future__ import annotations

import pytest

from envs.game.maps import MAP_STEPS
from envs.ram import GameState
from tests.envs.observation_parts.reading import read


def test_both_maps_are_ids() -> None:
    state = GameState(map_id=51, blackout_map=1)
    assert (read("place", state, "the map"), read("place", state, "the last healing")) == ([51], [1])


def test_a_position_is_a_share_of_the_map() -> None:
    def shares(x: int, y: int) -> list[int]:
        state = GameState(x=x, y=y, map_width=10, map_height=18)
        return read("place", state, "x as") + read("place", state, "y as")

    assert shares(0, 0) == [0, 0]
    assert shares(19, 35) == [255, 255]
    assert shares(1, 1) == [255 // 19, 255 // 35]
    assert shares(200, 200) == [255, 255]  # memory is transient while a map loads
    assert read("place", GameState(x=9), "x as") == [0]  # the size is not known yet


def test_the_size_of_the_largest_map_is_the_maximum() -> None:
    state = GameState(map_width=50, map_height=72)
    assert read("place", state, "width") == [50] and read("place", state, "height") == [72]
    assert max(MAP_STEPS[m][0] for m in MAP_STEPS) == 100 and max(MAP_STEPS[m][1] for m in MAP_STEPS) == 144


@pytest.mark.parametrize(("map_id", "indoors"), [(0, 0), (36, 0), (37, 1), (51, 1), (59, 1), (248, 1)])
def test_towns_and_routes_are_outdoors(map_id: int, indoors: int) -> None:
    assert read("place", GameState(map_id=map_id), "indoors") == [indoors]


def test_the_bicycle_and_swimming_have_a_flag_each() -> None:
    for riding, flags in ((0, [0, 0]), (1, [1, 0]), (2, [0, 1])):
        state = GameState(riding=riding)
        assert read("place", state, "on the bicycle") + read("place", state, "swimming") == flags
