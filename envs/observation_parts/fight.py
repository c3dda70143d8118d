"""The battle, and the menu that is open."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from envs.fighter import fighter
from envs.game.field_facts import points_shares
from envs.observation_parts.base import (
    NO_ID,
    NOBODY,
    STATUS_FLAGS,
    Field,
    FieldsPart,
    flags,
    ids,
    one_hot,
    party_ids,
    picker,
    scaled_hp,
    share,
    status_flags,
)
from envs.ram import BATTLE_LOST, SAFARI, SCREEN_TILES, GameState

ROWS, COLUMNS = SCREEN_TILES
DEPTHS = 4  # none, one menu, a menu over a menu, more
_NO_ENEMY = (0, NO_ID, NO_ID)


_pick = picker(
    *("cursor", "menu_depth", "battle", "battle_type"),
    *("party", "active_slot", "own_hp", "own_max_hp", "own_level"),
    *("enemy_species", "enemy_level", "enemy_hp", "enemy_max_hp", "enemy_types", "enemy_status"),
)


class FightPart(FieldsPart):
    """Both creatures of a battle, which are zeros (types: 255) outside of one, and the cursor of a menu."""

    fields = (
        *party_ids("own creature", "own creature's types", "own moves"),
        ids("species", 1, "enemy", "W_ENEMY_MON_SPECIES"),
        ids("type", 2, "enemy's types", "W_ENEMY_MON_TYPES"),
        flags(3, "battle: wild, trainer, just lost", "W_IS_IN_BATTLE"),
        flags(1, "safari", "W_BATTLE_TYPE"),
        Field("own level", 1, 100, "W_BATTLE_MON_LEVEL"),
        Field("own share of HP", 1, 255, "W_BATTLE_MON_HP"),
        Field("own maximum HP / 4", 1, 255, "W_BATTLE_MON_MAX_HP"),
        flags(STATUS_FLAGS, "own status: asleep, poisoned, burnt, frozen, paralysed", "W_PARTY_MONS"),
        Field("share of power points of each own move", 4, 255, "W_PARTY_MONS"),
        Field("enemy's level", 1, 100, "W_ENEMY_MON_LEVEL"),
        Field("enemy's share of HP", 1, 255, "W_ENEMY_MON_HP"),
        Field("enemy's maximum HP / 4", 1, 255, "W_ENEMY_MON_MAX_HP"),
        flags(STATUS_FLAGS, "enemy's status, as the own", "W_ENEMY_MON_STATUS"),
        flags(ROWS, "row of the screen with the menu's cursor", "W_TILE_MAP, R_WY"),
        flags(COLUMNS, "column of the screen with the menu's cursor", "W_TILE_MAP, R_WY"),
        flags(DEPTHS, "menus open: none, one, two, more", "W_TILE_MAP, R_WY"),
    )

    def key(self, state: GameState) -> object:
        return _pick(state) if state.battle else (state.cursor, state.menu_depth)

    def values(self, state: GameState) -> Sequence[int]:
        menu = _menu(state.cursor, state.menu_depth)
        if not state.battle:
            return (*NOBODY, *_NO_ENEMY, *(0,) * (self.shape[0] - 10 - len(menu)), *menu)
        kinds = (int(state.battle == kind) for kind in (1, 2, BATTLE_LOST))
        mon = fighter(state)
        types = mon.types if mon.species else (NO_ID, NO_ID)
        return (
            *(mon.species, *types, *mon.moves),
            *(state.enemy_species, *state.enemy_types),
            *kinds,
            int(state.battle_type == SAFARI),
            *_condition(mon.level, mon.hp, mon.max_hp, mon.status),
            *(share(left, most) for left, most in points_shares(mon)),
            *_condition(state.enemy_level, state.enemy_hp, state.enemy_max_hp, state.enemy_status),
            *menu,
        )


def _condition(level: int, hp: int, max_hp: int, status: int) -> tuple[int, ...]:
    return (min(level, 100), share(hp, max_hp), scaled_hp(max_hp), *status_flags(status))


@lru_cache(maxsize=256)
def _menu(cursor: int, menus: int) -> tuple[int, ...]:
    row, column = divmod(cursor, COLUMNS) if cursor >= 0 else (-1, -1)
    depth = min(menus, DEPTHS - 1)
    return (*one_hot(row, ROWS), *one_hot(column, COLUMNS), *one_hot(depth, DEPTHS))
