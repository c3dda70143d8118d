"""Order of progress: places sorted by the gates of the story before them, then by distance behind these."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache

from envs.game.connections import CONNECTIONS, GATES, START, map_of

# Ids of the maps that count as places. Houses do not. Nor do places that open long before the story leads on
# from them: routes 22 and 23 and the gate between them (33, 34, 193), the first steps of routes 9 and 12
# (20, 23), the beach of route 19 (30), the foot of the tower (142) and the company's lift (235). Two ways
# lead over the sea to the island, and neither counts (31, 32).
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
    """Return every part of the world reachable from ``begin`` with ``gates`` open.

    The result maps each part to its distance in connections.
    """
    distance = dict.fromkeys(begin, 0)
    waiting = list(distance)
    for part in waiting:  # grows during the loop
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
    """Return ``gates`` and all gates that can be opened in turn within ``parts``."""
    while True:
        more = {gate.name for gate in GATES if gate.where in parts and gate.needs <= gates}
        if more <= gates:
            return gates
        gates |= more


@cache
def stages(lacking: frozenset[str] = frozenset()) -> tuple[tuple[frozenset[str], dict[str, int]], ...]:
    """Return the story stage by stage: the open gates and the parts that can first be entered with them.

    Parts are mapped to their distance in connections from what was open before. Each stage opens all gates
    that the previous one leads to. Gates in ``lacking``, which a game does not have, are open from the start.
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
    """Map each map id to the stage that first opens it and its distance there (see ``stages``)."""
    found: dict[int, tuple[int, int]] = {}
    for number, (_, parts) in enumerate(stages(lacking)):
        for part, steps in parts.items():
            found[map_of(part)] = min(found.get(map_of(part), (number, steps)), (number, steps))
    return found


@cache
def progress_order(lacking: frozenset[str] = frozenset()) -> tuple[int, ...]:
    """Return the ids of PLACES in order of progress, for a game without the gates in ``lacking``.

    Among equally distant places, those that open a gate come first, then lower ids.
    """
    openers = {map_of(gate.where) for gate in GATES}
    stage = stage_of(lacking)
    return tuple(sorted(PLACES, key=lambda place: (*stage[place], place not in openers, place)))
