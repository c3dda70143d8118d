"""The world as a graph of steps, read from the same text files as the cartridge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from envs.cartridge.tools.maps import plain_lines
from envs.cartridge.tools.worldcheck import WALK, load_tileset, tileset_names, walkable
from envs.cartridge.world_text.map_source import MapSource, ObjectSource
from envs.cartridge.world_text.maps import load_maps

WORLD = Path(__file__).resolve().parent.parent / "world"
STEPS = {"down": (0, 1), "up": (0, -1), "left": (-1, 0), "right": (1, 0)}
SIDES = {"down": "south", "up": "north", "left": "west", "right": "east"}
GRASS, LEDGE, COUNTER, WATER, TREE = "grass", "ledge", "counter", "water", "cut"
CUT, SWIM, PUSH = "cut", "swim", "push"
"""Field moves that a team may know for trees, water and boulders."""
BOULDER = "boulder"


@dataclass(frozen=True, slots=True)
class Place:
    """A step of the world: map ID and coordinates in steps."""

    map: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Step:
    """A direction that can be walked, where it leads, and the field move needed: CUT, SWIM, or none ("")."""

    direction: str
    place: Place
    need: str = ""


HasEvent = Callable[[int], bool]


class Atlas:
    """All maps, with the people who stand in the way."""

    def __init__(self, world: Path = WORLD) -> None:
        self.maps = load_maps(world)
        self.by_number = {source.number: source for source in self.maps.values()}
        self.tilesets = {name: load_tileset(world, name) for name in tileset_names(world)}
        self.known_steps: dict[Place, list[Step]] = {}
        self.events = {line.words[1]: int(line.words[0], 0) for line in plain_lines(world, "events")}
        self.items = {line.words[1]: int(line.words[0], 0) for line in plain_lines(world, "items")}
        self.goods = {line.words[0]: tuple(line.words[1:]) for line in plain_lines(world, "shops")}

    def number(self, name: str) -> int:
        """Return the ID of the map ``name``."""
        return self.maps[name].number

    def attributes(self, place: Place) -> frozenset[str]:
        """Return the attribute words of the step's metatile."""
        source = self.by_number[place.map]
        return self.tilesets[source.tileset][source.at(place.x, place.y)]

    def healers(self) -> list[tuple[str, ObjectSource]]:
        """Return everybody who heals a team, with their map."""
        return [
            (source.name, thing)
            for source in self.maps.values()
            for thing in source.objects
            if thing.kind == "script" and any(line.words == ["heal"] for line in source.scripts[thing.arg])
        ]

    def person(self, map_name: str, name: str) -> ObjectSource:
        """Return a person or thing of a map. Raises KeyError if there is none of that name."""
        for thing in self.maps[map_name].objects:
            if thing.name == name:
                return thing
        raise KeyError(f"{map_name} {name}")

    def standing(self, number: int, has_event: HasEvent) -> set[tuple[int, int]]:
        """Return the steps of map ``number`` occupied by people who do not wander, without boulders."""
        return {
            (thing.x, thing.y)
            for thing in self.by_number[number].objects
            if thing.movement != "wander" and thing.kind != BOULDER and self.present(thing, has_event)
        }

    def boulders(self, number: int) -> set[tuple[int, int]]:
        """Return the positions of the boulders of map ``number`` when it is entered."""
        return {(thing.x, thing.y) for thing in self.by_number[number].objects if thing.kind == BOULDER}

    def present(self, thing: ObjectSource, has_event: HasEvent) -> bool:
        """Whether the person is on the map at this point of the story."""
        shown = thing.show is None or has_event(self.events[thing.show])
        return shown and not (thing.hide is not None and has_event(self.events[thing.hide]))

    def beside(self, map_name: str, x: int, y: int) -> list[tuple[Place, str]]:
        """Return places and directions from which to speak to what is at (x, y), even across a counter."""
        source = self.maps[map_name]
        spots: list[tuple[Place, str]] = []
        for direction, (dx, dy) in STEPS.items():
            at = Place(source.number, x - dx, y - dy)
            if source.inside(at.x, at.y) and COUNTER in self.attributes(at):
                at = Place(source.number, x - 2 * dx, y - 2 * dy)
            if walkable(source, at.x, at.y, self.tilesets):
                spots.append((at, direction))
        return spots

    def next_steps(self, place: Place) -> list[tuple[str, Place]]:
        """Return the steps from ``place`` that need no field move, ignoring people."""
        return [(step.direction, step.place) for step in self.steps(place) if not step.need]

    def steps(self, place: Place) -> list[Step]:
        """Return find_steps, cached."""
        if place not in self.known_steps:
            self.known_steps[place] = list(self.find_steps(place))
        return self.known_steps[place]

    def find_steps(self, place: Place) -> Iterator[Step]:
        """Yield every step from ``place``, including warps, ignoring people and boulders."""
        source = self.by_number[place.map]
        afloat = WATER in self.attributes(place)
        for direction, (dx, dy) in STEPS.items():
            x, y = place.x + dx, place.y + dy
            if not source.inside(x, y):
                arrival = self.across(source, SIDES[direction], place)
                # Swimming cannot begin across the edge of a map.
                if arrival is not None and (afloat or WATER not in self.attributes(arrival)):
                    yield Step(direction, arrival)
                continue
            words = self.attributes(Place(place.map, x, y))
            if walkable(source, x, y, self.tilesets):
                yield Step(direction, self.through(source, x, y))
            elif TREE in words:
                yield Step(direction, Place(place.map, x, y), CUT)
            elif WATER in words:
                yield Step(direction, Place(place.map, x, y), SWIM)
            elif direction == "down" and self.can_jump(source, x, y):
                yield Step(direction, Place(place.map, x, y + 1))

    def can_jump(self, source: MapSource, x: int, y: int) -> bool:
        """Whether (x, y) is a ledge with room below it."""
        ledge = LEDGE in self.attributes(Place(source.number, x, y))
        return ledge and walkable(source, x, y + 1, self.tilesets)

    def through(self, source: MapSource, x: int, y: int) -> Place:
        """Return where a step onto (x, y) ends: there, or at the destination of a warp."""
        for warp in source.warps:
            if (warp.x, warp.y) == (x, y):
                return Place(self.number(warp.map), warp.dest_x, warp.dest_y)
        return Place(source.number, x, y)

    def across(self, source: MapSource, side: str, place: Place) -> Place | None:
        """Return the step of the neighbouring map reached by walking off this one, or None."""
        found = source.connections.get(side)
        if found is None:
            return None
        other = self.maps[found.map]
        along_x = side in ("north", "south")
        x = place.x - found.offset if along_x else (0 if side == "east" else other.width - 1)
        y = place.y - found.offset if not along_x else (0 if side == "south" else other.height - 1)
        if not other.inside(x, y):
            return None
        arrival = Place(other.number, x, y)
        return arrival if self.attributes(arrival) & {WALK, WATER} else None


@cache
def atlas() -> Atlas:
    """Return the embedded cartridge's atlas, which is read once."""
    return Atlas()
