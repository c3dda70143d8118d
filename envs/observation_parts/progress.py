"""How far the story is."""

from __future__ import annotations

from collections.abc import Sequence

from envs.game.field_facts import FIELD_MOVES, usable_field_moves
from envs.observation_parts.base import FieldsPart, flags, picker
from envs.ram import GameState

# Events of the story: number and name of our own. The numbers are the game's (its public disassembly,
# pret/pokered, constants/event_constants.asm). Leaders are left out, since badges say the same.
STORY = {
    0x000: "followed the professor",
    0x022: "starter",
    0x023: "rival battled",
    0x039: "parcel",
    0x038: "errand done",
    0x025: "field guide",
    0x024: "balls from the professor",
    0x098: "rival by the bridge",
    0x55C: "ship ticket",
    0x5E0: "machine of cut",
    0x151: "bicycle voucher",
    0x0C0: "bicycle",
    0x3D8: "machine of flash",
    0x6A6: "lift key",
    0x6A7: "hideout's boss",
    0x4CF: "old man of the tower freed",
    0x12A: "flute",
    0x48F: "eastern sleeper",
    0x4C9: "western sleeper",
    0x4CE: "machine of fly",
    0x880: "machine of surf",
    0x239: "gold teeth given",
    0x238: "machine of strength",
    0x78F: "company's boss",
    0x028: "eighth gym open",
    0x8FE: "last four beaten",
    0x901: "champion",
}


def _source() -> str:
    return "W_EVENT_FLAGS: " + ", ".join(f"{number:#05x} {name}" for number, name in STORY.items())


_pick = picker("badges", "event_bytes", "party", "map_id")


class ProgressPart(FieldsPart):
    """Badges, the events that the story hangs on, and the field moves that can be used here."""

    fields = (
        flags(8, "badges held, the first one first", "W_OBTAINED_BADGES"),
        flags(len(STORY), "events of the story", _source()),
        flags(
            len(FIELD_MOVES),
            f"field moves usable on this map ({', '.join(move.name for move in FIELD_MOVES)}): badge and move"
            " are there, and the sky for flying",
            "W_OBTAINED_BADGES, W_PARTY_MONS, W_CUR_MAP",
        ),
    )

    def key(self, state: GameState) -> object:
        return _pick(state)

    def values(self, state: GameState) -> Sequence[int]:
        badges = (state.badges >> n & 1 for n in range(8))
        return (*badges, *map(state.has_event, STORY), *usable_field_moves(state))
