"""Checks whether a GameState is possible in the game.

A wrong cartridge, or one with another memory layout, shows in values that the game never has.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from envs.game.maps import MAP_SIZES, MAP_STEPS
from envs.game_boy.memory import Memory
from envs.ram import (
    BAG_MAX,
    BATTLE_LOST,
    EVENT_BYTES,
    PARTY_MAX,
    SAFARI,
    SCREEN_TILES,
    W_PARTY_COUNT,
    GameState,
    PartyMon,
    read_state,
)

SPECIES_MAX = 190  # internal index
MOVE_MAX = 165
PP_MAX = 61
TYPE_MAX = 26
STATUS_END = 0x80  # bit 7 is not used
RIDING_MAX = 2
LEVEL_MAX = 100
HP_MAX = 999
MONEY_MAX = 999_999
QUANTITY_MAX = 99
POKEDEX_MAX = 151
STEP_FRAMES_MAX = 16  # frames of an animated step
MENU_MAX = 64
PLAYER_NAME, PARTY_SPECIES, MAP_HEIGHT, MAP_WIDTH = 0xD158, 0xD164, 0xD368, 0xD369
NAME_BYTES, LIST_END = 11, 0xFF
BLANK, NAME_END = 0x7F, b"\x50"  # codes of the game's character set; letters come after the blank
MAP_SIDE_MAX = 72  # blocks
BOX_MAX = 20


def near_map(state: GameState) -> bool:
    """Return whether the player is on a map or one step off it (255 as a byte), as while maps change."""
    size = MAP_STEPS.get(state.map_id)
    return (
        size is not None and (state.x <= size[0] or state.x == 255) and (state.y <= size[1] or state.y == 255)
    )


def _position(state: GameState) -> bool:
    return near_map(state) or state.map_id not in MAP_SIZES  # then "map_id" is reported instead


def _mon(mon: PartyMon) -> bool:
    return (
        1 <= mon.species <= SPECIES_MAX
        and 1 <= mon.level <= LEVEL_MAX
        and mon.hp <= mon.max_hp
        and 1 <= mon.max_hp <= HP_MAX
        and mon.status < STATUS_END
        and all(move <= MOVE_MAX for move in mon.moves)
        and all(points <= PP_MAX for points in mon.pp)
    )


def _fighter(state: GameState, level: int, hp: int, max_hp: int) -> bool:
    """Check a creature in battle, whose numbers may be missing while the battle begins."""
    return state.battle <= 0 or (level <= LEVEL_MAX and hp <= HP_MAX and max_hp <= HP_MAX)


def _enemy(s: GameState) -> bool:
    return _fighter(s, s.enemy_level, s.enemy_hp, s.enemy_max_hp)


def _own(s: GameState) -> bool:
    return _fighter(s, s.own_level, s.own_hp, s.own_max_hp)


CHECKS: dict[str, Callable[[GameState], bool]] = {
    "map_id": lambda s: s.map_id in MAP_SIZES,
    "x": _position,
    "y": _position,
    "facing": lambda s: s.facing in (0, 4, 8, 12),
    "badges": lambda s: 0 <= s.badges <= 0xFF,
    "party": lambda s: len(s.party) <= PARTY_MAX and all(map(_mon, s.party)),
    "battle": lambda s: s.battle in (BATTLE_LOST, 0, 1, 2),
    "battle_result": lambda s: s.battle_result <= 2,
    "escaped": lambda s: s.escaped in (False, True),
    "enemy_species": lambda s: s.battle <= 0 or s.enemy_species <= SPECIES_MAX,
    "enemy_level": _enemy,
    "enemy_hp": _enemy,
    "enemy_max_hp": _enemy,
    "own_level": _own,
    "own_hp": _own,
    "own_max_hp": _own,
    "event_bytes": lambda s: len(s.event_bytes) == EVENT_BYTES,
    "money": lambda s: 0 <= s.money <= MONEY_MAX,
    "bag": lambda s: len(s.bag) <= BAG_MAX and all(item and 1 <= n <= QUANTITY_MAX for item, n in s.bag),
    "pokedex_owned": lambda s: s.pokedex_owned <= POKEDEX_MAX,
    "pokedex_seen": lambda s: s.pokedex_seen <= POKEDEX_MAX,
    "play_time": lambda s: 0 <= s.play_time < 256 * 3600,
    "joy_ignore": lambda s: 0 <= s.joy_ignore <= 0xFF,
    "walk_counter": lambda s: s.walk_counter <= STEP_FRAMES_MAX,
    "menu_item": lambda s: s.menu_item <= MENU_MAX,
    "last_map": lambda s: s.last_map in MAP_SIZES or s.last_map == 0xFF,
    "blackout_map": lambda s: s.blackout_map in MAP_SIZES,
    "active_slot": lambda s: s.battle <= 0 or s.active_slot < PARTY_MAX,
    "map_height": lambda s: s.map_height <= MAP_SIDE_MAX,
    "map_width": lambda s: s.map_width <= MAP_SIDE_MAX,
    "battle_type": lambda s: s.battle_type <= SAFARI,
    "boxed": lambda s: s.boxed <= BOX_MAX,
    "enemy_status": lambda s: s.battle <= 0 or s.enemy_status < STATUS_END,
    "enemy_types": lambda s: s.battle <= 0 or max(s.enemy_types) <= TYPE_MAX,
    "riding": lambda s: s.riding <= RIDING_MAX,
    "cursor": lambda s: -1 <= s.cursor < math.prod(SCREEN_TILES),
    "menu_depth": lambda s: 0 <= s.menu_depth <= math.prod(SCREEN_TILES),
}
"""A check for every field of GameState."""


def memory_oddities(memory: Memory) -> list[str]:
    """Return impossible values in memory outside of the fields of GameState, one text each.

    The player's name (0xD158, wPlayerName) is letters and an end mark. The list of the party's species
    (0xD164, wPartySpecies) matches its creatures and has an end mark. Height and width of the map in blocks
    (0xD368, 0xD369, wCurMapHeight and wCurMapWidth) are at most those of the game's map. In a release with
    shifted addresses, at least one of these fails.
    """
    state = read_state(memory)
    name = bytes(memory[PLAYER_NAME : PLAYER_NAME + NAME_BYTES])
    letters, end, _ = name.partition(NAME_END)
    odd = [] if letters and end and min(letters) >= BLANK else [f"player's name = {name.hex(' ')}"]
    count, species = memory[W_PARTY_COUNT], [mon.species for mon in state.party]
    listed = list(memory[PARTY_SPECIES : PARTY_SPECIES + len(species) + 1])
    if count != len(species) or listed != [*species, LIST_END]:
        odd.append(f"party of {count}, list of species = {listed}")
    height, width = memory[MAP_HEIGHT], memory[MAP_WIDTH]
    most_width, most_height = MAP_SIZES.get(state.map_id, (0xFF, 0xFF))
    if not (1 <= width <= most_width and 1 <= height <= most_height):
        odd.append(f"size of map {state.map_id} = {width} x {height}")
    return odd


def implausible(state: GameState) -> list[str]:
    """Return ``field = value`` for every field with a value that the game never has."""
    return [f"{field} = {getattr(state, field)!r}" for field, holds in CHECKS.items() if not holds(state)]


def fresh_game_oddities(state: GameState) -> list[str]:
    """Return what a new game cannot have yet: a party, badges, a catch, a battle, more than 16 events."""
    counts = {
        "party": len(state.party),
        "badges": state.badge_count,
        "pokedex_owned": state.pokedex_owned,
        "battle": abs(state.battle),
    }
    odd = [f"{name} = {count}" for name, count in counts.items() if count]
    return odd + ([f"event_count = {state.event_count}"] if state.event_count > 16 else [])
