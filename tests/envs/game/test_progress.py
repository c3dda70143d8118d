"""The order of progress follows the game's connections and gates: no open place comes after a closed one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from envs.cartridge.walkthrough import STORY as WALKTHROUGH
from envs.game.catalog import WALKED_STARTS
from envs.game.connections import CONNECTIONS, GATES, START, map_of
from envs.game.maps import LATER_ORDER, MAP_SIZES, PROGRESS_ORDER, map_name
from envs.game.milestones import LATER_MILESTONES, MILESTONES, STORY, in_story_order
from envs.game.progress import PLACES, progress_order, reachable, stage_of, stages

WITHOUT_BADGES = {"starter", "errand"}
SPARE = {69, 75, 78, 173}  # unreachable copies of other maps
CABLE_ROOMS = {239, 240}
# An earlier order made by hand, with two mistakes: the cave's floors come before the route with their
# entrance, and route 22, which is open from the start, comes just before the last cave.
BY_HAND = (
    *(40, 0, 12, 1, 13, 51, 2, 54, 14, 59, 60, 61, 15, 3, 65, 35, 36, 88, 16, 119, 17, 5, 94, 95, 101, 92),
    *(20, 21, 82, 232, 4, 19, 121, 18, 6, 134, 135, 199, 202, 142, 148, 10, 181, 235, 178, 23, 24, 25, 26),
    *(7, 220, 222, 157, 30, 31, 8, 165, 166, 45, 33, 193, 34, 108, 194, 198, 9, 174, 245, 246, 247, 113),
    *(120, 118),
)
WAYS: dict[str, list[tuple[str, frozenset[str]]]] = {}
for _way in CONNECTIONS:
    WAYS.setdefault(_way.one, []).append((_way.other, _way.gates))
    WAYS.setdefault(_way.other, []).append((_way.one, _way.gates))


def jumps(order: Sequence[int], gates: set[str] | frozenset[str]) -> list[int]:
    """Return the places open behind ``gates`` although an earlier one in ``order`` is closed."""
    open_maps = {map_of(part) for part in reachable(gates)}
    closed = [rank for rank, place in enumerate(order) if place not in open_maps]
    return [place for place in order[min(closed, default=len(order)) :] if place in open_maps]


def maps_without(place: int) -> set[int]:
    """Return the maps that the story can reach without ever entering ``place``."""
    gates: set[str] = set()
    while True:
        parts = _parts_without(place, gates)
        opened = {gate.name for gate in GATES if gate.where in parts and gate.needs <= gates}
        if opened <= gates:
            return {map_of(part) for part in parts}
        gates |= opened


def _parts_without(place: int, gates: set[str]) -> set[str]:
    seen, waiting = {START}, [START]
    while waiting:
        for there, needed in WAYS[waiting.pop()]:
            if needed <= gates and there not in seen and map_of(there) != place:
                seen.add(there)
                waiting.append(there)
    return seen


def on_the_way(goals: set[str], gates: set[str] | frozenset[str]) -> set[int]:
    """Return the maps on a shortest path from the start to any of ``goals`` behind ``gates``."""
    there = reachable(gates)
    found: set[int] = set()
    for goal in goals & there.keys():
        back = reachable(gates, (goal,))
        found |= {map_of(part) for part in there if there[part] + back[part] == there[goal]}
    return found


def test_every_map_of_the_game_is_connected() -> None:
    assert set(stage_of()) == MAP_SIZES.keys() - SPARE - CABLE_ROOMS
    ways = [frozenset((way.one, way.other)) for way in CONNECTIONS]
    assert len(set(ways)) == len(ways)
    names = {gate.name for gate in GATES}
    assert {gate for way in CONNECTIONS for gate in way.gates} <= names
    assert {gate for other in GATES for gate in other.needs} <= names
    assert stages()[-1][0] == names, "every gate opens"


def test_the_order_has_every_place_once_and_the_second_badge_in_its_first_part() -> None:
    order = progress_order()
    assert set(order) == PLACES <= MAP_SIZES.keys()
    assert len(order) == len(PLACES) == 64
    assert order == PROGRESS_ORDER + LATER_ORDER
    assert PROGRESS_ORDER == (40, 0, 12, 1, 13, 51, 2, 54, 14, 15, 59, 60, 61, 3, 65)


def test_everything_open_without_a_badge_comes_first() -> None:
    open_maps = {map_of(part) for part in reachable(WITHOUT_BADGES)}
    assert {33, 193, 2, 54, 13} <= open_maps
    assert not {14, 34, 3} & open_maps
    assert jumps(progress_order(), WITHOUT_BADGES) == []
    assert [place for place in progress_order() if place in open_maps] == [40, 0, 12, 1, 13, 51, 2, 54]


def test_the_check_finds_the_mistake_of_the_earlier_order() -> None:
    assert len(BY_HAND) == 73
    assert jumps(BY_HAND, WITHOUT_BADGES) == [33, 193]


@pytest.mark.parametrize("stage", range(len(stages())))
def test_no_stage_of_the_story_opens_a_place_before_its_turn(stage: int) -> None:
    gates, parts = stages()[stage]
    assert parts, "a stage opens something"
    assert jumps(progress_order(), gates) == []


@pytest.mark.parametrize("place", sorted(PLACES - {40}), ids=map_name)
def test_places_that_require_a_place_come_after_it(place: int) -> None:
    order = progress_order()
    behind = [other for other in order if other != place and other not in maps_without(place)]
    assert [other for other in behind if order.index(other) < order.index(place)] == []


def test_the_caves_come_after_the_route_with_their_entrance() -> None:
    assert maps_without(15).isdisjoint({59, 60, 61, 3})
    assert [place for place in BY_HAND[: BY_HAND.index(15)] if place not in maps_without(15)] == [59, 60, 61]


def test_every_place_is_needed_as_soon_as_it_opens() -> None:
    """A map that opens long before the story needs it does not count: excursions would be paid for.

    The home town is an exception, since the journey begins there.
    """
    needed: set[int] = set()
    for number, (gates, parts) in enumerate(stages()):
        goals = {gate.where for gate in GATES} & parts.keys()
        needed |= {m for m in on_the_way(goals, gates) if stage_of()[m][0] == number}
    assert PLACES - needed == {0}
    early = {20, 23, 30, 33, 34, 142, 193, 235}
    assert not early & PLACES
    assert not early & needed


def test_the_story_names_every_milestone_in_the_order_of_the_scripted_player() -> None:
    assert sorted(STORY) == sorted(one.name for one in MILESTONES + LATER_MILESTONES)
    for walked in (WALKTHROUGH, WALKED_STARTS):
        # The start "errand done" is saved when everything about the errand is done.
        known = [name for name in walked if name in STORY and name != "errand done"]
        assert in_story_order(known) == known
