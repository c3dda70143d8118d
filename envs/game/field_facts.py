"""Facts about what can be done in the field: outdoor maps, field moves, items, power points of moves.

Numbers are the game's (its public disassembly, pret/pokered: constants/map_constants.asm, move_constants.asm,
item_constants.asm, data/moves/moves.asm). The embedded cartridge uses the same numbers for what it has.
"""

from __future__ import annotations

from typing import NamedTuple

from envs.ram import FIRST_INDOOR_MAP, GameState, PartyMon


class FieldMove(NamedTuple):
    """A move that is used on the map: its id, the badge (0 to 7) that it takes, its machine."""

    name: str
    move: int
    badge: int
    machine: int


FIELD_MOVES = (
    FieldMove("cut", 15, 1, 196),
    FieldMove("fly", 19, 2, 197),
    FieldMove("surf", 57, 4, 198),
    FieldMove("strength", 70, 3, 199),
    FieldMove("flash", 148, 0, 200),
)
_FLY = 19

KEY_ITEMS = {
    5: "town map",
    6: "bicycle",
    31: "old amber",
    41: "dome fossil",
    42: "helix fossil",
    43: "secret key",
    45: "bicycle voucher",
    48: "card key",
    63: "ship ticket",
    64: "gold teeth",
    69: "coin case",
    70: "parcel",
    71: "item finder",
    72: "scope",
    73: "flute",
    74: "lift key",
    75: "experience for all",
    76: "old rod",
    77: "good rod",
    78: "super rod",
}
BALLS = {1: "master", 2: "ultra", 3: "great", 4: "plain"}
HEALING_ITEMS = {
    20: "potion",
    19: "super potion",
    18: "hyper potion",
    17: "max potion",
    16: "full restore",
    53: "revive",
    54: "max revive",
    60: "water",
    61: "soda",
    62: "lemonade",
    11: "antidote",
    12: "burn heal",
    13: "ice heal",
    14: "awakening",
    15: "paralysis heal",
    52: "full heal",
    80: "ether",
    81: "max ether",
    82: "elixir",
    83: "max elixir",
}
OTHER_ITEMS = {29: "escape rope", 30: "repel", 56: "super repel", 57: "max repel", 40: "rare candy"}

# Power points of moves 1 to 165 without boosts, thirty to a line.
_POINTS = """
35 25 10 15 20 20 15 15 15 35 30 5 10 30 30 35 35 20 15 20 20 10 20 30 5 25 15 15 15 25
20 5 35 15 20 20 20 15 30 35 20 20 30 25 40 20 15 20 20 20 30 25 15 30 25 5 15 10 5 20
20 20 5 35 20 25 20 20 20 15 20 10 10 40 25 10 35 30 15 20 40 10 15 30 15 20 10 15 10 5
10 10 25 10 20 40 30 30 20 20 15 10 40 15 20 30 20 20 10 40 40 30 30 30 20 30 10 10 20 5
10 30 20 20 20 5 15 10 20 15 15 35 20 15 10 20 30 15 40 20 15 10 5 10 30 10 15 20 15 40
40 10 5 15 10 10 10 15 30 30 10 10 20 10 10
"""
MOVE_POINTS = (0, *map(int, _POINTS.split()))
"""Power points of each move by its id; number 0 is no move. Some moves of the embedded cartridge differ."""


def outdoors(map_id: int) -> bool:
    """Whether a map is a town or a route."""
    return map_id < FIRST_INDOOR_MAP


def move_points(move: int) -> int:
    """Return a move's power points without boosts, 0 for an unknown id."""
    return MOVE_POINTS[move] if move < len(MOVE_POINTS) else 0


def usable_field_moves(state: GameState) -> tuple[bool, ...]:
    """Return for each of FIELD_MOVES whether the player could use it on this map.

    It takes the badge and a creature that knows the move; flying takes open sky as well. Whether there is a
    tree, water or a boulder ahead is not looked at.
    """
    known = {move for mon in state.party for move in mon.moves}
    return tuple(
        bool(state.badges >> field.badge & 1)
        and field.move in known
        and (field.move != _FLY or outdoors(state.map_id))
        for field in FIELD_MOVES
    )


def points_shares(mon: PartyMon) -> tuple[tuple[int, int], ...]:
    """Return power points left and without boosts of each of a creature's four moves."""
    return tuple((left, move_points(move)) for move, left in zip(mon.moves, mon.pp, strict=True))
