"""Names of our own for the maps, and the order in which the first of them are passed through. The ids are
the game's.
"""

from __future__ import annotations

_TOWNS = {
    0: "home town",
    1: "second town",
    2: "third town",
    3: "fourth town",
    4: "tower town",
    5: "harbour town",
    6: "market town",
    7: "park town",
    8: "island town",
    9: "plateau",
    10: "capital",
}
_ROUTES = {12 + i: f"route {1 + i}" for i in range(25)}
_PLACES = {
    37: "house",
    38: "bedroom",
    39: "neighbour's house",
    40: "laboratory",
    41: "second town, healing centre",
    42: "second town, shop",
    43: "second town, school",
    44: "second town, house",
    45: "gym 8",
    47: "forest, north gate",
    49: "route 2, gate",
    50: "forest, south gate",
    51: "forest",
    52: "museum",
    53: "museum, upper floor",
    54: "gym 1",
    56: "third town, shop",
    58: "third town, healing centre",
    59: "first cave",
    60: "first cave, lower floor",
    61: "first cave, lowest floor",
    64: "fourth town, healing centre",
    65: "gym 2",
    67: "fourth town, shop",
    68: "route 4, healing centre",
    82: "dark cave",
    83: "power station",
    88: "inventor's house",
    89: "harbour town, healing centre",
    91: "harbour town, shop",
    92: "gym 3",
    94: "harbour",
    95: "ship",
    101: "ship, captain's cabin",
    108: "last cave",
    113: "last four, fourth",
    118: "hall of fame",
    120: "champion's room",
    133: "market town, healing centre",
    134: "gym 4",
    141: "tower town, healing centre",
    154: "park town, healing centre",
    157: "gym 5",
    166: "gym 7",
    171: "island town, healing centre",
    174: "plateau, lobby",
    178: "gym 6",
    182: "capital, healing centre",
    197: "long tunnel",
    245: "last four, first",
    246: "last four, second",
    247: "last four, third",
}
MAP_NAMES: dict[int, str] = {**_TOWNS, **_ROUTES, **_PLACES}

PROGRESS_ORDER = (40, 0, 12, 1, 13, 51, 2, 54, 14, 59, 60, 61, 15, 3, 65)
"""Map ids on the way to the second badge, in order of progress."""


def map_name(map_id: int) -> str:
    """The name of a map, or "map N" where it has none."""
    return MAP_NAMES.get(map_id, f"map {map_id}")
