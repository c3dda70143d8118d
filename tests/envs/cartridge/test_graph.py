"""Tests of the world as a graph of steps, warps and edges.

With all field moves every map is reachable, and there is a way back from everywhere, even with fewer moves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache
from itertools import combinations

import pytest

from envs.cartridge.tools.worldcheck import walkable
from envs.cartridge.walkthrough.atlas import CUT, PUSH, STEPS, SWIM, Atlas, Place
from envs.cartridge.world_text.map_source import MapSource, ObjectSource

START = Place(38, 3, 6)
"""Start of a new game."""


class Able(Atlas):
    """The world for a player with all field moves; people whom the story can move do not block steps."""

    def __init__(self) -> None:
        super().__init__()
        self.tilesets = {
            name: {c: words | {"walk"} if words & {"water", "cut"} else words for c, words in tiles.items()}
            for name, tiles in self.tilesets.items()
        }
        self.people = {number: self.stay(number) for number in self.by_number}

    def stay(self, number: int) -> set[tuple[int, int]]:
        """Steps of a map where somebody stands permanently."""
        return {
            (thing.x, thing.y)
            for thing in self.by_number[number].objects
            if thing.movement != "wander" and thing.show is thing.hide is None and thing.kind != "boulder"
        }

    def links(self) -> dict[Place, set[Place]]:
        """Every place reachable from START, with the places its steps lead to."""
        found: dict[Place, set[Place]] = {}
        waiting = deque([START])
        while waiting:
            place = waiting.popleft()
            if place in found:
                continue
            after = {to for _, to in self.next_steps(place)}
            found[place] = {to for to in after if (to.x, to.y) not in self.people[to.map]}
            waiting.extend(found[place])
        return found


@cache
def able() -> Able:
    return Able()


@cache
def links() -> dict[Place, set[Place]]:
    return able().links()


def test_every_map_can_be_reached_from_the_bedroom() -> None:
    assert {place.map for place in links()} == set(able().by_number)


def without_return(ways: dict[Place, set[Place]]) -> set[Place]:
    """Places from which ``ways`` never lead to START."""
    came: dict[Place, list[Place]] = {}
    for place, after in ways.items():
        for to in after:
            came.setdefault(to, []).append(place)
    home, waiting = {START}, deque([START])
    while waiting:
        for place in came.get(waiting.popleft(), []):
            if place not in home:
                home.add(place)
                waiting.append(place)
    return set(ways) - home


def test_from_everywhere_there_is_a_way_back() -> None:
    assert without_return(links()) == set()


# --- with fewer field moves: a ledge must not lead to a place that only other teams can leave ---
class Limited(Able):
    """The world for a team that knows some of the field moves."""

    def __init__(self, knows: tuple[str, ...]) -> None:
        self.knows = knows
        super().__init__()
        self.tilesets = Atlas().tilesets
        self.known_steps.clear()

    def stay(self, number: int) -> set[tuple[int, int]]:
        """Including boulders, if the team cannot push them."""
        return super().stay(number) | (set() if PUSH in self.knows else self.boulders(number))

    def next_steps(self, place: Place) -> list[tuple[str, Place]]:
        """Steps that need no field move, or one that the team knows."""
        return [
            (step.direction, step.place)
            for step in self.steps(place)
            if not step.need or step.need in self.knows
        ]


LESS = [knows for count in range(3) for knows in combinations((CUT, SWIM, PUSH), count)]


@pytest.mark.parametrize("knows", LESS, ids=["+".join(knows) or "nothing" for knows in LESS])
def test_teams_with_fewer_field_moves_are_never_stuck(knows: tuple[str, ...]) -> None:
    ways = Limited(knows).links()
    assert without_return(ways) == set()
    assert all(ways.values())
    assert len(ways) < len(links())  # the field moves open something


def test_everybody_and_everything_can_be_spoken_to() -> None:
    for source in able().maps.values():
        for thing in source.objects:
            spots = {place for place, _ in able().beside(source.name, thing.x, thing.y)}
            assert spots & set(links()), f"{source.name} {thing.name}"


def test_arrivals_of_warps_are_free() -> None:
    for source in able().maps.values():
        for warp in source.warps:
            number = able().number(warp.map)
            assert (warp.dest_x, warp.dest_y) not in able().people[number], warp.line.text


def test_from_every_step_there_is_another() -> None:
    assert [place for place, after in links().items() if not after] == []


# --- a trainer who walks up to the player stays there until the map is entered again ---
def met(source: MapSource, trainer: ObjectSource) -> Iterator[tuple[Place, Place]]:
    """Places where a trainer may stop the player, with the trainer's place then."""
    directions = STEPS if trainer.movement == "spin" else [trainer.facing]
    for dx, dy in (STEPS[direction] for direction in directions):
        for distance in range(1, trainer.sight + 1):
            at = Place(source.number, trainer.x + dx * distance, trainer.y + dy * distance)
            if not walkable(source, at.x, at.y, able().tilesets) or (at.x, at.y) in able().people[at.map]:
                break
            yield at, Place(source.number, at.x - dx, at.y - dy)


def gets_away(start: Place, stands: Place, stood: Place) -> bool:
    """Whether another map is reachable from ``start`` after a person moved from ``stood`` to ``stands``."""
    seen, waiting = {start}, deque([start])
    while waiting:
        place = waiting.popleft()
        if place.map != start.map:
            return True
        for _, after in able().next_steps(place):
            free = (after.x, after.y) not in able().people[after.map] or after == stood
            if free and after != stands and after not in seen:
                seen.add(after)
                waiting.append(after)
    return False


def test_trainers_never_lock_the_player_in() -> None:
    caught = [
        (source.name, trainer.name, at)
        for source in able().maps.values()
        for trainer in source.objects
        if trainer.sight
        for at, stands in met(source, trainer)
        if at in links() and not gets_away(at, stands, Place(source.number, trainer.x, trainer.y))
    ]
    assert caught == []


def test_a_player_who_is_sent_back_lands_on_free_ground() -> None:
    """For all triggers whose script walks the player one step, from every step of the trigger."""
    for source in able().maps.values():
        for trigger in source.triggers:
            body = [line.words for line in source.scripts[trigger.script]]
            if any(words[0] == "warp" for words in body):
                continue
            for dx, dy in (STEPS[words[2]] for words in body if words[:2] == ["walk", "player"]):
                for x in range(trigger.x, trigger.x + trigger.w):
                    for y in range(trigger.y, trigger.y + trigger.h):
                        at = (x + dx, y + dy)
                        assert walkable(source, *at, able().tilesets), (source.name, at)
                        assert at not in able().people[source.number], (source.name, at)
