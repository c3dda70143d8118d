"""Tiles visited across the borders of maps, and the coarse map of the world."""

from __future__ import annotations

import json

import numpy as np
import pytest

from envs.cartridge.world_text.map_source import MapSource
from envs.cartridge.world_text.maps import load_maps
from envs.ram import GameState
from envs.visited import CELL, VisitedTiles, border_offset
from tests.envs.recorder import Moment
from tests.paths import ROOT

TOWN = GameState(map_id=0, map_width=10, map_height=9)
ROUTE = GameState(map_id=12, map_width=10, map_height=18)
CITY = GameState(map_id=1, map_width=20, map_height=18)
HOUSE = GameState(map_id=37, map_width=4, map_height=4)


def at(state: GameState, x: int, y: int, facing: int = 0) -> GameState:
    return state._replace(x=x, y=y, facing=facing)


def walked(*states: GameState) -> VisitedTiles:
    visited = VisitedTiles()
    visited.reset(states[0])
    for state in states[1:]:
        visited.mark(state)
    return visited


def across(visited: VisitedTiles, state: GameState) -> np.ndarray:
    return visited.crop_across(state).copy()


def seen(picture: np.ndarray) -> set[tuple[int, int]]:
    """The marked places as (x, y) from the player's."""
    return {(int(x) - 24, int(y) - 24) for y, x in np.argwhere(picture)}


@pytest.mark.parametrize(
    ("before", "now", "offset"),
    [
        (at(TOWN, 10, 0), at(ROUTE, 10, 35, 4), (0, -36)),
        (at(ROUTE, 11, 35), at(TOWN, 11, 0, 0), (0, 36)),
        (at(ROUTE, 10, 0), at(CITY, 20, 35, 4), (-10, -36)),
        (at(CITY, 39, 20), at(ROUTE, 0, 10, 12), (40, 10)),
        (at(ROUTE, 0, 10), at(CITY, 39, 20, 8), (-40, -10)),
        (at(ROUTE, 10, 1), at(CITY, 20, 34, 4), (-10, -36)),
    ],
)
def test_a_walk_over_a_border_tells_where_the_other_map_lies(
    before: GameState, now: GameState, offset: tuple[int, int]
) -> None:
    assert border_offset(before, now) == offset


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (at(TOWN, 5, 6), at(HOUSE, 2, 7, 4)),  # a door
        (at(HOUSE, 2, 7), at(TOWN, 5, 0, 0)),
        (at(TOWN, 5, 6), at(CITY, 23, 26, 0)),  # a flight
        (at(TOWN, 10, 0), at(ROUTE, 10, 0, 4)),  # the coordinates are still those of the other map
    ],
)
def test_doors_flights_and_maps_that_load_tell_nothing(before: GameState, now: GameState) -> None:
    assert border_offset(before, now) is None


def test_tiles_beyond_a_border_are_seen_where_they_lie() -> None:
    path = [at(TOWN, 10, 2), at(TOWN, 10, 1), at(TOWN, 10, 0), at(ROUTE, 10, 35, 4), at(ROUTE, 10, 34, 4)]
    visited = walked(*path)
    assert seen(across(visited, path[-1])) == {(0, 0), (0, 2), (0, 3), (0, 4)}, "the step over it is skipped"
    assert seen(visited.crop(path[-1])) == {(0, 0)}
    back = [at(ROUTE, 10, 35, 0), at(TOWN, 10, 0, 0), at(TOWN, 11, 0, 12)]
    for state in back:
        visited.mark(state)
    assert seen(across(visited, back[-1])) == {(0, 0), (-1, 0), (-1, 1), (-1, 2), (-1, -1), (-1, -2)}


def test_tiles_far_away_on_the_other_map_are_left_out() -> None:
    path = [at(TOWN, 10, y) for y in range(17, -1, -1)] + [at(ROUTE, 10, y, 4) for y in range(35, 20, -1)]
    visited = walked(*path)
    assert {y for _, y in seen(across(visited, path[-1]))} == {*range(14), *range(15, 24)}


def test_a_house_shows_nothing_of_the_town() -> None:
    path = [at(TOWN, 5, 6), at(TOWN, 5, 5), at(HOUSE, 2, 7, 4), at(HOUSE, 2, 6, 4)]
    assert seen(across(walked(*path), path[-1])) == {(0, 0)}


def test_the_coarse_map_has_everything_around_the_player() -> None:
    north = [at(TOWN, 10, 0), at(ROUTE, 10, 35, 4), *(at(ROUTE, 10, y, 4) for y in range(34, 1, -1))]
    visited = walked(*north)
    cells = seen(visited.world.crop())
    assert (0, 0) in cells and {x for x, _ in cells} == {0}
    assert {y for _, y in cells} == {*range(-(-34 // CELL) + 1)}, "34 steps south"
    house = [at(HOUSE, 2, 7, 4), at(HOUSE, 2, 6, 4)]
    for state in house:
        visited.mark(state)
    assert seen(visited.world.crop()) == cells, "a house lies at its door"


def test_the_coarse_map_ends_at_the_edge_of_the_world() -> None:
    far = walked(
        at(CITY, 0, 0), *(at(CITY._replace(map_id=n), 255, 255) for n in range(1, 30) for _ in (0, 1))
    )
    assert far.world.crop().shape == (48, 48)


def test_an_episode_begins_with_an_unknown_world() -> None:
    visited = walked(at(TOWN, 10, 0), at(ROUTE, 10, 35, 4), at(ROUTE, 10, 34, 4))
    visited.reset(at(ROUTE, 10, 34))
    assert seen(across(visited, at(ROUTE, 10, 34))) == seen(visited.world.crop()) == {(0, 0)}


def test_a_restored_world_continues_alike() -> None:
    path = [at(TOWN, 10, 2), at(TOWN, 10, 1), at(TOWN, 10, 0), at(ROUTE, 10, 35, 4), at(ROUTE, 10, 34, 4)]
    path += [at(ROUTE, 9, 34, 8), at(ROUTE, 9, 35, 0), at(TOWN, 9, 0, 0), at(TOWN, 9, 1, 0), at(HOUSE, 2, 7)]
    path += [at(HOUSE, 2, 6), at(HOUSE, 3, 6)]
    for cut in range(1, len(path)):
        one, other = walked(*path[:cut]), VisitedTiles()
        other.restore(json.loads(json.dumps(one.snapshot())))
        for state in path[cut:]:
            assert one.mark(state) == other.mark(state)
            assert np.array_equal(across(one, state), across(other, state))
            assert np.array_equal(one.world.crop(), other.world.crop())
            assert one.snapshot() == other.snapshot()


def _wanted(source: MapSource, direction: str, other: MapSource, offset: int) -> tuple[int, int]:
    """Where the other map lies, in steps from this map's origin, by the world's texts."""
    return {
        "north": (offset, -other.height),
        "south": (offset, source.height),
        "west": (-other.width, offset),
        "east": (source.width, offset),
    }[direction]


def _maps_beside(visited: VisitedTiles, map_id: int) -> dict[int, tuple[int, int]]:
    """Where the maps of a map's region lie, in steps from that map's origin."""
    maps = {number: (x, y) for number, x, y in visited.world.maps_of(visited.world.region_of(map_id))}
    left, top = maps.pop(map_id, (0, 0))
    return {number: (x - left, y - top) for number, (x, y) in maps.items()}


def test_the_cartridges_maps_lie_where_its_texts_say(play: list[Moment]) -> None:
    visited = walked(*(moment.state for moment in play))
    maps = load_maps(ROOT / "envs" / "cartridge" / "world")
    checked = 0
    for source in maps.values():
        beside = _maps_beside(visited, source.number)
        for direction, link in source.connections.items():
            other = maps[link.map]
            if other.number in beside:
                assert beside[other.number] == _wanted(source, direction, other, link.offset), source.name
                checked += 1
    assert checked >= 8, "both ways between five maps"
