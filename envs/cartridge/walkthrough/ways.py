"""Search for the cheapest walk to a goal, considering the team's field moves, boulders and guards."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from envs.cartridge.walkthrough.atlas import CUT, GRASS, PUSH, STEPS, SWIM, WATER, Atlas, Place, Step
from envs.cartridge.world_text.map_source import MapSource, TriggerSource
from envs.ram import GameState

GRASS_COST = 3
"""Extra cost, in steps, of a step into tall grass."""
ASK_COST = 4
"""Extra cost, in steps, of cutting a tree, pushing a boulder, or entering the water."""
FIELD_MOVES = {CUT: (15, 1), SWIM: (57, 4), PUSH: (70, 3), "light": (148, 0)}
"""Moves used on the map: the move's ID, and the badge (0 to 7) that allows it."""
Steps = set[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Means:
    """Conditions of a walk: the state of the game, and the positions of boulders by map."""

    state: GameState
    boulders: Mapping[int, Steps] = field(default_factory=dict)

    @property
    def fields(self) -> frozenset[str]:
        """The FIELD_MOVES that the team can use."""
        known = {move for mon in self.state.party for move in mon.moves}
        return frozenset(
            name
            for name, (move, badge) in FIELD_MOVES.items()
            if move in known and self.state.badges >> badge & 1
        )


class Search:
    """One search for the cheapest walk."""

    def __init__(self, world: Atlas, means: Means, goals: Collection[Place], blocked: Collection[Place]):
        self.world = world
        self.means = means
        self.goals = frozenset(goals)
        self.blocked = frozenset(blocked)
        self.fields = means.fields
        self.taken: dict[int, Steps] = {}
        self.rolling: dict[int, Steps] = {}
        self.closed: dict[int, Steps] = {}

    def look_at(self, number: int) -> None:
        """Record the people, boulders and guarded steps of a map."""
        source = self.world.by_number[number]
        self.taken[number] = self.world.standing(number, self.means.state.has_event)
        self.rolling[number] = self.means.boulders.get(number, self.world.boulders(number))
        self.closed[number] = {
            (x, y)
            for trigger in source.triggers
            if self.turns_back(source, trigger)
            for x in range(trigger.x, trigger.x + trigger.w)
            for y in range(trigger.y, trigger.y + trigger.h)
        }

    def turns_back(self, source: MapSource, trigger: TriggerSource) -> bool:
        """Whether the script sends the player away, because nothing it asks for is there."""
        state = self.means.state
        if trigger.unless is not None and state.has_event(self.world.events[trigger.unless]):
            return False
        lines = [line.words for line in source.scripts[trigger.script]]
        if not any(words[:2] == ["walk", "player"] for words in lines):
            return False
        bag = {item for item, _ in state.bag}
        wanted = [words for words in lines if words[0] == "if"]
        return not any(
            (words[1] == "item" and self.world.items[words[2]] in bag)
            or (words[1] == "badges" and state.badge_count >= int(words[2]))
            or (words[1] == "field" and words[2] in self.fields)
            for words in wanted
        )

    def cost(self, place: Place, step: Step) -> int | None:
        """Return the cost of a step, or None if it cannot be taken; guards of goals are ignored."""
        after = step.place
        if after.map not in self.taken:
            self.look_at(after.map)
        at = (after.x, after.y)
        if after in self.blocked or at in self.taken[after.map]:
            return None
        if (step.need and step.need not in self.fields) or (
            at in self.closed[after.map] and after not in self.goals
        ):
            return None
        cost = 1 + GRASS_COST * (GRASS in self.world.attributes(after))
        if at in self.rolling[after.map]:
            return cost + ASK_COST if self.may_push(place, step) else None
        asks = step.need == CUT or (step.need == SWIM and WATER not in self.world.attributes(place))
        return cost + ASK_COST * asks

    def may_push(self, place: Place, step: Step) -> bool:
        """Whether the boulder where ``step`` leads can be pushed further."""
        dx, dy = STEPS[step.direction]
        behind = Place(step.place.map, step.place.x + dx, step.place.y + dy)
        spot = (behind.x, behind.y)
        free = any(after == behind for _, after in self.world.next_steps(step.place))
        return (
            PUSH in self.fields
            and place.map == behind.map
            and free
            and spot not in self.taken[behind.map] | self.rolling[behind.map]
        )

    def run(self, start: Place) -> list[tuple[str, Place]] | None:
        """Return the cheapest walk from ``start`` to any goal as (direction, place) pairs, or None."""
        came: dict[Place, tuple[Place, str] | None] = {start: None}
        waiting: list[deque[Place]] = [deque([start])]
        waiting += [deque() for _ in range(1 + GRASS_COST + ASK_COST)]
        while any(waiting):
            if not waiting[0]:
                waiting.append(waiting.pop(0))
                continue
            place = waiting[0].popleft()
            if place in self.goals:
                return walk_back(came, place)
            for step in self.world.steps(place):
                if step.place in came:
                    continue
                cost = self.cost(place, step)
                if cost is not None:
                    came[step.place] = (place, step.direction)
                    waiting[cost].append(step.place)
        return None


def walk_back(came: dict[Place, tuple[Place, str] | None], goal: Place) -> list[tuple[str, Place]]:
    """Return the walk found, from its start."""
    steps: list[tuple[str, Place]] = []
    at = goal
    while (link := came[at]) is not None:
        steps.append((link[1], at))
        at = link[0]
    return steps[::-1]


def find_way(
    world: Atlas, start: Place, goals: Collection[Place], means: Means, blocked: Collection[Place] = ()
) -> list[tuple[str, Place]] | None:
    """Return the cheapest walk to any goal as (direction, place) pairs, or None.

    It avoids ``blocked`` steps, people, and steps where the story turns the player back.
    """
    return Search(world, means, goals, blocked).run(start)
