"""The table of maps: every id has a unique name and a size."""

from __future__ import annotations

from envs.game.maps import BLOCK, LATER_ORDER, MAP_NAMES, MAP_SIZES, PROGRESS_ORDER, map_name, map_steps


def test_every_map_has_a_unique_name_and_a_size() -> None:
    assert MAP_NAMES.keys() == MAP_SIZES.keys()
    assert len(set(MAP_NAMES.values())) == len(MAP_NAMES) == 226
    assert all(1 <= width <= 50 and 1 <= height <= 72 for width, height in MAP_SIZES.values())


def test_an_unknown_map_has_a_numbered_name_and_no_size() -> None:
    assert (map_name(231), map_steps(231)) == ("map 231", None)
    assert (map_name(0), map_steps(0)) == ("home town", (10 * BLOCK, 9 * BLOCK))


def test_the_order_of_progress_names_known_maps_once() -> None:
    order = (*PROGRESS_ORDER, *LATER_ORDER)
    assert len(set(order)) == len(order)
    assert set(order) <= MAP_NAMES.keys()
