"""Reader of the game's memory: the table of addresses, and the GameState that is read from it.

The addresses are those of the international English release, under the symbol names of its public
disassembly (pret/pokered). The embedded cartridge keeps the same facts at the same addresses. Numbers of
several bytes are big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct, calcsize
from typing import NamedTuple

from envs.game_boy.memory import WORK_RAM, WORK_RAM_BYTES, Memory

# symbol = address                      # size and meaning
W_FACING = 0xC109  # 1: wSpritePlayerStateData1FacingDirection: 0x0 down, 0x4 up, 0x8 left, 0xC right
W_TILE_MAP = 0xC3A0  # 18 x 20: tile ids of what is on the screen, row by row
W_CURRENT_MENU_ITEM = 0xCC26  # 1: entry under the cursor
W_PLAYER_MON_NUMBER = 0xCC2F  # 1: party slot of the own creature in battle
W_JOY_IGNORE = 0xCD6B  # 1: buttons that the game ignores now
W_BATTLE_RESULT = 0xCF0B  # 1: 0 won, 1 lost, 2 draw; valid when wIsInBattle goes back to 0
W_WALK_COUNTER = 0xCFC5  # 1: > 0 while a step is animated
W_ENEMY_MON_SPECIES = 0xCFE5  # 1
W_ENEMY_MON_HP = 0xCFE6  # 2
W_ENEMY_MON_STATUS = 0xCFE9  # 1: as in a party structure
W_ENEMY_MON_TYPES = 0xCFEA  # 2
W_ENEMY_MON_LEVEL = 0xCFF3  # 1
W_ENEMY_MON_MAX_HP = 0xCFF4  # 2
W_BATTLE_MON_HP = 0xD015  # 2: own creature in battle
W_BATTLE_MON_LEVEL = 0xD022  # 1
W_BATTLE_MON_MAX_HP = 0xD023  # 2
W_IS_IN_BATTLE = 0xD057  # 1: 0 none, 1 wild, 2 trainer, 0xFF just lost
W_BATTLE_TYPE = 0xD05A  # 1: 0 normal, 1 tutorial, 2 safari; 0 again when the battle ends
W_ESCAPED_FROM_BATTLE = 0xD078  # 1: nonzero after an escape
W_PARTY_COUNT = 0xD163  # 1
W_PARTY_MONS = 0xD16B  # six structures of 44 bytes; stale past the count
W_POKEDEX_OWNED = 0xD2F7  # 19: bit flags
W_POKEDEX_SEEN = 0xD30A  # 19: bit flags
W_NUM_BAG_ITEMS = 0xD31D  # 1
W_BAG_ITEMS = 0xD31E  # 41: (id, quantity) pairs, 0xFF ends
W_PLAYER_MONEY = 0xD347  # 3: binary coded decimal
W_OPTIONS = 0xD355  # 1: low bits text speed (1 fast, 3 medium, 5 slow), bit 6 style, bit 7 animations off
W_OBTAINED_BADGES = 0xD356  # 1: bit 0 first badge .. bit 7 eighth
W_CUR_MAP = 0xD35E  # 1
W_Y_COORD = 0xD361  # 1: steps; Y comes first
W_X_COORD = 0xD362  # 1: steps
W_LAST_MAP = 0xD365  # 1: outdoor map that an indoor exit leads back to
W_CUR_MAP_HEIGHT = 0xD368  # 1: blocks of 2 x 2 steps
W_CUR_MAP_WIDTH = 0xD369  # 1: blocks, as the height
W_WALK_BIKE_SURF_STATE = 0xD700  # 1: 0 walking, 1 on the bicycle, 2 swimming
W_LAST_BLACKOUT_MAP = 0xD719  # 1: map of the healing place a blackout returns to
W_EVENT_FLAGS = 0xD747  # 320: event n is bit n mod 8 (least significant first) of byte n div 8
W_PLAY_TIME_HOURS = 0xDA41  # 1; minutes at 0xDA43, seconds at 0xDA44
W_BOX_COUNT = 0xDA80  # 1: creatures in the current box; the embedded cartridge stores its box elsewhere
R_WY = 0xFF4A  # 1: line of the screen where the window begins, a register of the Game Boy; below 144 it shows

EVENT_BYTES = 320
EVENT_COUNT = 8 * EVENT_BYTES
MON_BYTES = 44
PARTY_MAX = 6
BAG_MAX = 20
POKEDEX_BYTES = 19
NO_MOVES = (0, 0, 0, 0)
BATTLE_LOST = -1
SCREEN_TILES = (18, 20)
SCREEN_LINES = 144
CURSOR, LEFT_CURSOR = 0xED, 0xEC  # tiles: the cursor of a menu, and where it stays when another menu opens
TRAINER = 2  # wIsInBattle
SAFARI = 2  # wBattleType
FIRST_INDOOR_MAP = 37  # constants/map_constants.asm: towns and routes have lower ids
MUSEUM_TICKET = 8 * 13  # 0xD754 bit 0: can be bought repeatedly, so it does not count

# Everything that is read, in a few slices, for memories that do not offer all of work RAM at once.
_STRETCHES = (
    slice(W_FACING, W_FACING + 1),
    slice(W_TILE_MAP, W_TILE_MAP + SCREEN_TILES[0] * SCREEN_TILES[1]),
    slice(W_CURRENT_MENU_ITEM, W_PLAYER_MON_NUMBER + 1),
    slice(W_JOY_IGNORE, W_JOY_IGNORE + 1),
    slice(W_BATTLE_RESULT, W_BATTLE_RESULT + 1),
    slice(W_WALK_COUNTER, W_ESCAPED_FROM_BATTLE + 1),
    slice(W_PARTY_COUNT, W_PARTY_MONS + PARTY_MAX * MON_BYTES),
    slice(W_POKEDEX_OWNED, W_CUR_MAP_WIDTH + 1),
    slice(W_WALK_BIKE_SURF_STATE, W_EVENT_FLAGS + EVENT_BYTES),
    slice(W_PLAY_TIME_HOURS, W_BOX_COUNT + 1),
)
# The same table in order of address: one structure, so that one call unpacks a state.
_FIELDS = (
    (W_FACING, "B"),
    (W_TILE_MAP, f"{SCREEN_TILES[0] * SCREEN_TILES[1]}s"),
    (W_CURRENT_MENU_ITEM, "B"),
    (W_PLAYER_MON_NUMBER, "B"),
    (W_JOY_IGNORE, "B"),
    (W_BATTLE_RESULT, "B"),
    (W_WALK_COUNTER, "B"),
    (W_ENEMY_MON_SPECIES, "B"),
    (W_ENEMY_MON_HP, "H"),
    (W_ENEMY_MON_STATUS, "B"),
    (W_ENEMY_MON_TYPES, "2s"),
    (W_ENEMY_MON_LEVEL, "B"),
    (W_ENEMY_MON_MAX_HP, "H"),
    (W_BATTLE_MON_HP, "H"),
    (W_BATTLE_MON_LEVEL, "B"),
    (W_BATTLE_MON_MAX_HP, "H"),
    (W_IS_IN_BATTLE, "B"),
    (W_BATTLE_TYPE, "B"),
    (W_ESCAPED_FROM_BATTLE, "?"),
    (W_PARTY_COUNT, "B"),
    (W_PARTY_MONS, f"{PARTY_MAX * MON_BYTES}s"),
    (W_POKEDEX_OWNED, f"{W_OBTAINED_BADGES - W_POKEDEX_OWNED}s"),
    (W_OBTAINED_BADGES, "B"),
    (W_CUR_MAP, "B"),
    (W_Y_COORD, "B"),
    (W_X_COORD, "B"),
    (W_LAST_MAP, "B"),
    (W_CUR_MAP_HEIGHT, "B"),
    (W_CUR_MAP_WIDTH, "B"),
    (W_WALK_BIKE_SURF_STATE, "B"),
    (W_LAST_BLACKOUT_MAP, "B"),
    (W_EVENT_FLAGS, f"{EVENT_BYTES}s"),
    (W_PLAY_TIME_HOURS, "B"),
    (W_PLAY_TIME_HOURS + 2, "B"),
    (W_PLAY_TIME_HOURS + 3, "B"),
    (W_BOX_COUNT, "B"),
)


def bcd(data: Sequence[int]) -> int:
    """Decode binary coded decimal, most significant byte first. A nibble above 9 reads as 9."""
    value = 0
    for byte in data:
        value = value * 100 + min(byte >> 4, 9) * 10 + min(byte & 15, 9)
    return value


def bit(data: Sequence[int], n: int) -> bool:
    """Return flag ``n``: bit n mod 8, least significant first, of byte n div 8.

    Raises IndexError if ``n`` is out of range.
    """
    if n < 0:
        raise IndexError(f"flag {n} is below 0")
    return bool(data[n >> 3] >> (n & 7) & 1)


def count_bits(data: Sequence[int]) -> int:
    """Count the set bits of ``data``."""
    return int.from_bytes(bytes(data), "big").bit_count()


def _structure(fields: Sequence[tuple[int, str]]) -> Struct:
    """Build a big-endian structure that starts at the first address and pads the gaps between fields."""
    parts, here = [">"], fields[0][0]
    for address, kind in fields:
        parts += [f"{address - here}x", kind]
        here = address + calcsize(">" + kind)
    return Struct("".join(parts))


_FIRST = W_FACING - WORK_RAM
_unpack = _structure(_FIELDS).unpack_from
# Slices of the bytes of belongings, which begin with the Pokédex.
_BAG = slice(W_NUM_BAG_ITEMS - W_POKEDEX_OWNED, W_BAG_ITEMS + 2 * BAG_MAX + 1 - W_POKEDEX_OWNED)
_MONEY = slice(W_PLAYER_MONEY - W_POKEDEX_OWNED, W_PLAYER_MONEY - W_POKEDEX_OWNED + 3)


@dataclass(frozen=True, slots=True)
class PartyMon:
    """One creature of the party.

    HP are in points. ``status`` is the game's byte: bits 0-2 sleep turns, 3 poison, 4 burn, 5 freeze,
    6 paralysis. ``moves`` are four move ids and ``pp`` their remaining power points, 0 for an empty slot.
    ``types`` are two type ids, equal if there is one; ``stats`` are attack, defence, speed and special.
    """

    species: int = 0
    level: int = 0
    hp: int = 0
    max_hp: int = 0
    status: int = 0
    moves: tuple[int, int, int, int] = NO_MOVES
    pp: tuple[int, int, int, int] = NO_MOVES
    types: tuple[int, int] = (0, 0)
    stats: tuple[int, int, int, int] = (0, 0, 0, 0)


class GameState(NamedTuple):
    """One moment of the game. ``enemy_*`` and ``own_*`` (in battle) are stale while ``battle`` is 0.

    A tuple because every step creates one: a frozen dataclass takes three times as long to create.
    """

    map_id: int = 0
    x: int = 0  # steps
    y: int = 0  # steps
    facing: int = 0  # 0 down, 4 up, 8 left, 12 right
    badges: int = 0  # bit mask
    party: tuple[PartyMon, ...] = ()
    battle: int = 0  # 0 none, 1 wild, 2 trainer, -1 just lost
    battle_result: int = 0  # 0 won, 1 lost, 2 draw; valid when battle goes back to 0
    escaped: bool = False
    enemy_species: int = 0
    enemy_level: int = 0
    enemy_hp: int = 0
    enemy_max_hp: int = 0
    own_level: int = 0  # creature in battle
    own_hp: int = 0
    own_max_hp: int = 0
    event_bytes: bytes = bytes(EVENT_BYTES)
    money: int = 0
    bag: tuple[tuple[int, int], ...] = ()  # (id, quantity)
    pokedex_owned: int = 0  # number of kinds
    pokedex_seen: int = 0
    play_time: int = 0  # seconds
    joy_ignore: int = 0  # bit mask of ignored buttons; 0: the player has control
    walk_counter: int = 0
    menu_item: int = 0
    last_map: int = 0
    blackout_map: int = 0
    active_slot: int = 0  # party slot of the creature in battle, see envs.fighter
    map_height: int = 0  # blocks of 2 x 2 steps; 0: unknown
    map_width: int = 0
    battle_type: int = 0  # 0 normal, 1 tutorial, 2 safari
    boxed: int = 0  # creatures in the current box
    enemy_status: int = 0  # as PartyMon.status
    enemy_types: tuple[int, int] = (0, 0)
    riding: int = 0  # 0 walking, 1 on the bicycle, 2 swimming
    cursor: int = -1  # tile of the screen (row x 20 + column) with the cursor of a menu; -1: no menu
    menu_depth: int = 0  # menus that are open

    @property
    def badge_count(self) -> int:
        """Number of badges, 0 to 8."""
        return self.badges.bit_count()

    @property
    def event_count(self) -> int:
        """Number of set event flags without the museum ticket, which can be bought repeatedly."""
        return count_bits(self.event_bytes) - bit(self.event_bytes, MUSEUM_TICKET)

    def has_event(self, number: int) -> bool:
        """Return whether event ``number`` (0 to 2559) is set. Raises IndexError outside that range."""
        return bit(self.event_bytes, number)


def _mon(data: bytes) -> PartyMon:
    return PartyMon(
        species=data[0],
        level=data[33],
        hp=data[1] << 8 | data[2],
        max_hp=data[34] << 8 | data[35],
        status=data[4],
        moves=(data[8], data[9], data[10], data[11]),
        pp=(data[29] & 63, data[30] & 63, data[31] & 63, data[32] & 63),
        types=(data[5], data[6]),
        stats=_stats(data, 36),
    )


_stats = Struct(">4H").unpack_from


# Party, bag and Pokédex stay the same for many steps, so results are cached by their bytes.
@lru_cache(maxsize=256)
def _party(data: bytes) -> tuple[PartyMon, ...]:
    return tuple(_mon(data[i : i + MON_BYTES]) for i in range(0, len(data), MON_BYTES))


@lru_cache(maxsize=256)
def _belongings(data: bytes) -> tuple[tuple[tuple[int, int], ...], int, int, int]:
    """Return bag, money, kinds owned and kinds seen from the bytes W_POKEDEX_OWNED to the badges."""
    return (
        _bag(data[_BAG]),
        bcd(data[_MONEY]),
        count_bits(data[:POKEDEX_BYTES]),
        count_bits(data[POKEDEX_BYTES : 2 * POKEDEX_BYTES]),
    )


def _bag(data: bytes) -> tuple[tuple[int, int], ...]:
    """Return the pairs (id, quantity) of ``data`` = count, pairs, 0xFF. A count above 20 reads as empty."""
    count = data[0]
    if count > BAG_MAX:
        return ()
    pairs = [(data[1 + 2 * i], data[2 + 2 * i]) for i in range(count)]
    end = next((i for i, (item, _) in enumerate(pairs) if item == 0xFF), count)
    return tuple(pairs[:end])


def _battle(value: int) -> int:
    return BATTLE_LOST if value == 0xFF else value if value <= 2 else 0


@lru_cache(maxsize=256)
def _first_of(flags: bytes) -> bytes:
    """Return the first bytes object that was equal: it is then in the CPU cache, and `is` finds it equal."""
    return flags


def _menu(tiles: bytes, memory: Memory) -> tuple[int, int]:
    """Return the tile with the cursor of a menu (-1: no menu) and the number of menus that are open.

    Menus are drawn on the window. The embedded cartridge leaves them in the tile map when it hides it.
    """
    cursor, left = tiles.find(CURSOR), tiles.count(LEFT_CURSOR)
    # The register comes last: reading it through the emulator costs more than searching the tiles.
    if (cursor < 0 and not left) or memory[R_WY] >= SCREEN_LINES:
        return -1, 0
    return cursor, tiles.count(CURSOR) + left


def work_ram_of(memory: Memory) -> bytes | memoryview:
    """Return work RAM (0xC000 to 0xDFFF), or at least the parts that ``read_state`` reads."""
    whole: memoryview | None = getattr(memory, "work_ram", None)
    if whole is not None:
        return whole
    image = bytearray(WORK_RAM_BYTES)
    for part in _STRETCHES:
        image[part.start - WORK_RAM : part.stop - WORK_RAM] = bytes(memory[part])
    return bytes(image)


def read_state(memory: Memory) -> GameState:
    """Read the GameState of this moment from anything with ``memory[a]`` and ``memory[a:b]``.

    A party count above six reads as an empty party: memory is not set up yet.
    """
    # fmt: off
    (
        facing, tiles, menu_item, active_slot, joy_ignore, battle_result, walk_counter,
        enemy_species, enemy_hp, enemy_status, enemy_types, enemy_level, enemy_max_hp,
        own_hp, own_level, own_max_hp, battle, battle_type, escaped,
        members, party, belongings, badges, map_id, y, x, last_map, map_height, map_width,
        riding, blackout_map, event_bytes, hours, minutes, seconds, boxed,
    ) = _unpack(work_ram_of(memory), _FIRST)
    bag, money, owned, seen = _belongings(belongings)
    return GameState._make((  # in field order: keyword arguments would double the cost
        map_id, x, y, facing & 0x0C, badges,
        _party(party[: members * MON_BYTES]) if members <= PARTY_MAX else (),
        _battle(battle), battle_result, escaped,
        enemy_species, enemy_level, enemy_hp, enemy_max_hp, own_level, own_hp, own_max_hp,
        _first_of(event_bytes), money, bag, owned, seen, hours * 3600 + minutes * 60 + seconds,
        joy_ignore, walk_counter, menu_item, last_map, blackout_map,
        active_slot, map_height, map_width, battle_type, boxed,
        enemy_status, (enemy_types[0], enemy_types[1]), riding, *_menu(tiles, memory),
    ))
    # fmt: on
