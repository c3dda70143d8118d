"""What the player carries."""

from __future__ import annotations

from collections.abc import Sequence

from envs.game.field_facts import BALLS, FIELD_MOVES, HEALING_ITEMS, KEY_ITEMS, OTHER_ITEMS
from envs.observation_parts.base import Field, FieldsPart, flags, scaled_log
from envs.ram import BAG_MAX, GameState

MOST_OF_A_KIND = 99
MOST_MONEY = 999_999
MACHINES = tuple(field.machine for field in FIELD_MOVES)
COUNTED = {**BALLS, **HEALING_ITEMS, **OTHER_ITEMS}


def _listed(items: dict[int, str]) -> str:
    return ", ".join(f"{name} {item}" for item, name in items.items())


class BagPart(FieldsPart):
    """Key items and machines of field moves that are held, numbers of balls and medicine, and money."""

    fields = (
        flags(len(KEY_ITEMS), "key items held", f"W_BAG_ITEMS: {_listed(KEY_ITEMS)}"),
        flags(
            len(MACHINES),
            f"machines held that teach {', '.join(field.name for field in FIELD_MOVES)}",
            f"W_BAG_ITEMS: {MACHINES[0]} to {MACHINES[-1]}",
        ),
        Field("balls of each kind, by the logarithm", len(BALLS), 255, f"W_BAG_ITEMS: {_listed(BALLS)}"),
        Field(
            "items of each kind that heal, by the logarithm",
            len(HEALING_ITEMS),
            255,
            f"W_BAG_ITEMS: {_listed(HEALING_ITEMS)}",
        ),
        Field(
            "other useful items of each kind, by the logarithm",
            len(OTHER_ITEMS),
            255,
            f"W_BAG_ITEMS: {_listed(OTHER_ITEMS)}",
        ),
        Field("kinds of items in the bag", 1, BAG_MAX, "W_NUM_BAG_ITEMS"),
        Field("money, by the logarithm", 1, 255, "W_PLAYER_MONEY"),
    )

    def key(self, state: GameState) -> object:
        return state.bag, state.money

    def values(self, state: GameState) -> Sequence[int]:
        held: dict[int, int] = {}
        for item, quantity in state.bag:
            held[item] = held.get(item, 0) + quantity
        return (
            *(int(item in held) for item in (*KEY_ITEMS, *MACHINES)),
            *(scaled_log(held.get(item, 0), MOST_OF_A_KIND) for item in COUNTED),
            len(state.bag),
            scaled_log(state.money, MOST_MONEY),
        )
