"""The order of progress: places sorted by the gates of the story that must open before them, and among those
that open together by how far they lie behind the gate."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

from envs.game.connections import CONNECTIONS, GATES, START, map_of

# Maps that count as places, by id. Houses and huts do not, nor does what can be entered long before the story
# leads on from there: routes 22 and 23 and the gate between them (33, 34, 193), the first steps of routes 9
# and 12 (20, 23), the beach of route 19 (30), the foot of the tower (142) and the company's lift (235). Two
# ways lead over the sea to the island: neither counts (31, 32).
PLACES = frozenset(
    (
        *(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),  # towns
        *(12, 13, 14, 15, 16, 17, 18, 19, 21, 24, 25, 26, 35, 36),  # routes
        *(54, 65, 92, 134, 157, 178, 166, 45),  # gyms
        *(40, 51, 59, 60, 61, 82, 232, 119, 121),  # laboratory, forest, caves, passages
        *(88, 94, 95, 101, 135, 199, 202),  # inventor, ship, hideout
        *(148, 181, 220, 222, 165),  # tower, company, park, burnt house
        *(108, 194, 198, 174, 245, 246, 247, 113, 120, 118),  # last cave, the last four
    )
)


def reachable(gates: Collection[str], begin: Iterable[str] = (START,)) -> dict[str, int]:
    """Every part of the world that can be entered from ``begin`` with ``gates`` open: part -> connections to
    walk, at the least."""
    distance = dict.fromkeys(begin, 0)
    waiting = list(distance)
    for part in waiting:  # grows while it is walked through
        for other in _ways_from(part, gates):
            if other not in distance:
                distance[other] = distance[part] + 1
                waiting.append(other)
    return distance


def _ways_from(part: str, gates: Collection[str]) -> Iterable[str]:
    for other, needed in _neighbours().get(part, ()):
        if needed <= set(gates):
            yield other


@cache
def _neighbours() -> dict[str, list[tuple[str, frozenset[str]]]]:
    found: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for connection in CONNECTIONS:
        found.setdefault(connection.one, []).append((connection.other, connection.gates))
        found.setdefault(connection.other, []).append((connection.one, connection.gates))
    return found


def _opened(parts: Collection[str], gates: frozenset[str]) -> frozenset[str]:
    """``gates``, and those that open within ``parts``, one after the other."""
    while True:
        more = {gate.name for gate in GATES if gate.where in parts and gate.needs <= gates}
        if more <= gates:
            return gates
        gates |= more


@cache
def stages(lacking: frozenset[str] = frozenset()) -> tuple[tuple[frozenset[str], dict[str, int]], ...]:
    """The story stage by stage: the gates that are open, and the parts that can be entered for the first time
    then (part -> connections to walk from what was open before). Each stage opens all gates that the one
    before leads to. Gates that a game is ``lacking`` are open from the beginning.
    """
    found: list[tuple[frozenset[str], dict[str, int]]] = []
    gates, known = lacking, dict[str, int]()
    while True:
        parts = reachable(gates, known or (START,))
        found.append((gates, {part: steps for part, steps in parts.items() if part not in known}))
        known = dict.fromkeys(parts, 0)
        opened = _opened(known, gates)
        if opened == gates:
            return tuple(found)
        gates = opened


@cache
def stage_of(lacking: frozenset[str] = frozenset()) -> dict[int, tuple[int, int]]:
    """Map id -> the stage in which it can first be entered (see ``stages``), and connections to walk there
    from what was open before."""
    found: dict[int, tuple[int, int]] = {}
    for number, (_, parts) in enumerate(stages(lacking)):
        for part, steps in parts.items():
            found[map_of(part)] = min(found.get(map_of(part), (number, steps)), (number, steps))
    return found


@cache
def progress_order(lacking: frozenset[str] = frozenset()) -> tuple[int, ...]:
    """The ids of PLACES in order of progress, for a game that is ``lacking`` some of the gates.

    Of two that are equally far, one that opens a gate comes first, then the lower id.
    """
    openers = {map_of(gate.where) for gate in GATES}
    stage = stage_of(lacking)
    return tuple(sorted(PLACES, key=lambda place: (*stage[place], place not in openers, place)))
