"""The party, creature by creature."""

from __future__ import annotations

from collections.abc import Sequence

from envs.fighter import fighting_slot
from envs.game.field_facts import points_shares
from envs.observation_parts.base import (
    NOBODY,
    STATUS_FLAGS,
    Field,
    FieldsPart,
    flags,
    party_ids,
    scaled_hp,
    share,
    status_flags,
)
from envs.ram import PARTY_MAX, GameState, PartyMon

_SLOT_IDS = party_ids("species", "types", "moves")
_SLOT_NUMBERS = (
    flags(1, "there is a creature", "W_PARTY_COUNT"),
    flags(1, "it is the one in battle", "W_PLAYER_MON_NUMBER"),
    Field("level", 1, 100, "W_PARTY_MONS"),
    Field("share of HP", 1, 255, "W_PARTY_MONS, W_BATTLE_MON_HP"),
    Field("maximum HP / 4", 1, 255, "W_PARTY_MONS"),
    flags(STATUS_FLAGS, "asleep, poisoned, burnt, frozen, paralysed", "W_PARTY_MONS"),
    Field("attack, defence, speed, special, each / 4", 4, 255, "W_PARTY_MONS"),
    Field("share of power points of each move", 4, 255, "W_PARTY_MONS"),
)


class TeamPart(FieldsPart):
    """Six slots, first the ids of all, then the numbers of all; zeros for an empty slot."""

    fields = _SLOT_IDS * PARTY_MAX + _SLOT_NUMBERS * PARTY_MAX

    def key(self, state: GameState) -> object:
        if not state.battle:
            return state.party
        return state.party, state.active_slot, state.own_hp, state.own_max_hp, state.own_level

    def values(self, state: GameState) -> Sequence[int]:
        active = fighting_slot(state) if state.battle else None
        ids_, numbers = [], []
        for slot in range(PARTY_MAX):
            mon = state.party[slot] if slot < len(state.party) else None
            ids_ += [mon.species, *mon.types, *mon.moves] if mon else [*NOBODY]
            numbers += _numbers(mon, state.own_hp if slot == active else None)
        return ids_ + numbers


def _numbers(mon: PartyMon | None, hp_in_battle: int | None) -> list[int]:
    if mon is None:
        return [0] * sum(field.count for field in _SLOT_NUMBERS)
    hp = mon.hp if hp_in_battle is None else hp_in_battle
    return [
        1,
        int(hp_in_battle is not None),
        min(mon.level, 100),
        share(hp, mon.max_hp),
        scaled_hp(mon.max_hp),
        *status_flags(mon.status),
        *map(scaled_hp, mon.stats),
        *(share(left, most) for left, most in points_shares(mon)),
    ]
