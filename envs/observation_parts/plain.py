"""Numbers and flags as they are in memory: party, battle, badges, events, facing, recent actions.

Flags are 0 or 255 and shares of HP run from 0 to 255, so one division by 255 scales all but ids.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.fighter import fighter
from envs.observation_parts.base import (
    N_ACTIONS,
    NumbersPart,
    Picture,
    VectorPart,
    fitting,
    scaled_hp,
    share,
)
from envs.ram import BATTLE_LOST, EVENT_BYTES, PARTY_MAX, GameState, PartyMon

MON_FIELDS = 13
FACINGS = (0, 4, 8, 12)  # down, up, left, right
_FACING_FLAGS = {facing: bytes(255 * (facing == own) for own in FACINGS) for facing in FACINGS}


def _mon_numbers(mon: PartyMon) -> tuple[int, ...]:
    hp = share(mon.hp, mon.max_hp)
    return (mon.species, mon.level, hp, scaled_hp(mon.max_hp), mon.status, *mon.moves, *mon.pp)


class PartyPart(NumbersPart):
    """Six slots of 13 numbers, zeros for an empty slot: species, level, share of HP, maximum HP / 4, status
    byte, four move ids, their four power points."""

    shape = (PARTY_MAX * MON_FIELDS,)
    source = "W_PARTY_COUNT, W_PARTY_MONS"

    def key(self, state: GameState) -> object:
        return state.party

    def values(self, state: GameState) -> Sequence[int]:
        numbers = [number for mon in state.party for number in _mon_numbers(mon)]
        return numbers + [0] * (self.shape[0] - len(numbers))


class BattlePart(NumbersPart):
    """The battle in 21 numbers; all but the menu entry are 0 outside of battles.

    In order: flags wild, trainer, just lost; the own creature's level, share of HP and maximum HP / 4; the
    enemy's species, level, share of HP and maximum HP / 4; the menu entry under the cursor; the own
    creature's species, status, four move ids and their power points.
    """

    shape = (21,)
    source = (
        "W_IS_IN_BATTLE, W_BATTLE_MON_LEVEL, W_BATTLE_MON_HP, W_BATTLE_MON_MAX_HP, W_ENEMY_MON_SPECIES,"
        " W_ENEMY_MON_LEVEL, W_ENEMY_MON_HP, W_ENEMY_MON_MAX_HP, W_CURRENT_MENU_ITEM, W_PARTY_MONS"
    )

    def key(self, state: GameState) -> object:
        return state if state.battle else state.menu_item

    def values(self, state: GameState) -> Sequence[int]:
        if state.battle == 0:
            return (*(0,) * 10, state.menu_item, *(0,) * 10)
        flags = (255 * (state.battle == kind) for kind in (1, 2, BATTLE_LOST))
        own = _mon_numbers(fighter(state))
        hp, max_hp = state.enemy_hp, state.enemy_max_hp
        enemy = (state.enemy_species, state.enemy_level, share(hp, max_hp), scaled_hp(max_hp))
        return (*flags, *own[1:4], *enemy, state.menu_item, own[0], *own[4:])


class BadgesPart(NumbersPart):
    """Eight flags, the first badge first."""

    shape = (8,)
    source = "W_OBTAINED_BADGES"

    def key(self, state: GameState) -> object:
        return state.badges

    def values(self, state: GameState) -> Sequence[int]:
        return [255 * (state.badges >> n & 1) for n in range(8)]


class EventsPart(VectorPart):
    """The game's 2,560 event flags as its 320 bytes: event n is bit n mod 8, least significant first."""

    shape = (EVENT_BYTES,)
    source = "W_EVENT_FLAGS"

    def content(self, state: GameState) -> bytes:
        return state.event_bytes


class FacingPart(VectorPart):
    """Four flags: down, up, left, right."""

    shape = (4,)
    source = "W_FACING"

    def content(self, state: GameState) -> bytes:
        return _FACING_FLAGS[state.facing]


class RecentActionsPart(VectorPart):
    """The last three actions, oldest first: n + 1 for action n, 0 before the first."""

    shape = (3,)
    source = "the actions"
    high = N_ACTIONS

    def __init__(self) -> None:
        self._codes = bytes(*self.shape)

    def reset(self, state: GameState, screen: Picture) -> None:
        self._codes = bytes(*self.shape)

    def update(self, screen: Picture, action: int) -> None:
        self._codes = self._codes[1:] + bytes((action + 1,))

    def content(self, state: GameState) -> bytes:
        return self._codes

    def snapshot(self) -> Picture:
        return np.frombuffer(self._codes, np.uint8).copy()

    def restore(self, snapshot: Picture) -> None:
        self._codes = fitting(snapshot, self.shape).tobytes()
