"""What one moment of the game is: the one table of addresses, and the GameState that is read from it.

The addresses are those of the international English release of the game, under the symbol names of its
public disassembly (pret/pokered); the embedded cartridge keeps the same facts at the same places. Numbers
of several bytes are big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct, calcsize
from typing import Literal, NamedTuple

from envs.game_boy.memory import WORK_RAM, WORK_RAM_BYTES, Memory

# symbol = address                      # size and meaning
W_FACING = 0xC109  # 1: wSpritePlayerStateData1FacingDirection: 0x0 down, 0x4 up, 0x8 left, 0xC right
W_CURRENT_MENU_ITEM = 0xCC26  # 1: entry under the cursor
W_PLAYER_MON_NUMBER = 0xCC2F  # 1: party slot of the own creature in battle
W_JOY_IGNORE = 0xCD6B  # 1: buttons the game ignores just now
W_BATTLE_RESULT = 0xCF0B  # 1: 0 won, 1 lost, 2 draw; valid when wIsInBattle goes back to 0
W_WALK_COUNTER = 0xCFC5  # 1: > 0 while a step is animated
W_ENEMY_MON_SPECIES = 0xCFE5  # 1
W_ENEMY_MON_HP = 0xCFE6  # 2
W_ENEMY_MON_LEVEL = 0xCFF3  # 1
W_ENEMY_MON_MAX_HP = 0xCFF4  # 2
W_BATTLE_MON_HP = 0xD015  # 2: own creature in battle
W_BATTLE_MON_LEVEL = 0xD022  # 1
W_BATTLE_MON_MAX_HP = 0xD023  # 2
W_IS_IN_BATTLE = 0xD057  # 1: 0 none, 1 wild, 2 trainer, 0xFF just lost
W_BATTLE_TYPE = 0xD05A  # 1: 0 normal, 1 tutorial, 2 safari; 0 again when the battle ends
W_ESCAPED_FROM_BATTLE = 0xD078  # 1: not 0: escaped
W_PARTY_COUNT = 0xD163  # 1
W_PARTY_MONS = 0xD16B  # six structures of 44 bytes; those past the count are stale
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
W_CUR_MAP_WIDTH = 0xD369  # 1: likewise
W_LAST_BLACKOUT_MAP = 0xD719  # 1: map of the healing place a blackout returns to
W_EVENT_FLAGS = 0xD747  # 320: event n is bit n mod 8 (least significant first) of byte n div 8
W_PLAY_TIME_HOURS = 0xDA41  # 1; minutes at 0xDA43, seconds at 0xDA44
W_BOX_COUNT = 0xDA80  # 1: creatures in the current box; the embedded cartridge keeps its box elsewhere

EVENT_BYTES = 320
EVENT_COUNT = 8 * EVENT_BYTES
MON_BYTES = 44
PARTY_MAX = 6
BAG_MAX = 20
POKEDEX_BYTES = 19
NO_MOVES = (0, 0, 0, 0)
BATTLE_LOST = -1
TRAINER = 2  # wIsInBattle
SAFARI = 2  # wBattleType
MUSEUM_TICKET = 8 * 13  # 0xD754 bit 0: can be bought again and again, so it counts for nothing

# All that is read, in few slices, where memory cannot be had as a whole.
_STRETCHES = (
    slice(W_FACING, W_FACING + 1),
    slice(W_CURRENT_MENU_ITEM, W_PLAYER_MON_NUMBER + 1),
    slice(W_JOY_IGNORE, W_JOY_IGNORE + 1),
    slice(W_BATTLE_RESULT, W_BATTLE_RESULT + 1),
    slice(W_WALK_COUNTER, W_ESCAPED_FROM_BATTLE + 1),
    slice(W_PARTY_COUNT, W_PARTY_MONS + PARTY_MAX * MON_BYTES),
    slice(W_POKEDEX_OWNED, W_CUR_MAP_WIDTH + 1),
    slice(W_LAST_BLACKOUT_MAP, W_EVENT_FLAGS + EVENT_BYTES),
    slice(W_PLAY_TIME_HOURS, W_BOX_COUNT + 1),
)
# The same table as one structure, in order of address, so that a state is unpacked in one go.
_FIELDS = (
    (W_FACING, "B"),
    (W_CURRENT_MENU_ITEM, "B"),
    (W_PLAYER_MON_NUMBER, "B"),
    (W_JOY_IGNORE, "B"),
    (W_BATTLE_RESULT, "B"),
    (W_WALK_COUNTER, "B"),
    (W_ENEMY_MON_SPECIES, "B"),
    (W_ENEMY_MON_HP, "H"),
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
    (W_LAST_BLACKOUT_MAP, "B"),
    (W_EVENT_FLAGS, f"{EVENT_BYTES}s"),
    (W_PLAY_TIME_HOURS, "B"),
    (W_PLAY_TIME_HOURS + 2, "B"),
    (W_PLAY_TIME_HOURS + 3, "B"),
    (W_BOX_COUNT, "B"),
)


def bcd(data: Sequence[int]) -> int:
    """The number in binary coded decimal ``data``, most significant first; a nibble above 9 reads as 9."""
    value = 0
    for byte in data:
        value = value * 100 + min(byte >> 4, 9) * 10 + min(byte & 15, 9)
    return value


def bit(data: Sequence[int], n: int) -> bool:
    """Flag ``n``: bit n mod 8, least significant first, of byte n div 8. IndexError when out of range."""
    if n < 0:
        raise IndexError(f"flag {n} is below 0")
    return bool(data[n >> 3] >> (n & 7) & 1)


def count_bits(data: Sequence[int]) -> int:
    """How many bits of ``data`` are set."""
    return int.from_bytes(bytes(data), "big").bit_count()


def _structure(fields: Sequence[tuple[int, str]]) -> Struct:
    """Big-endian, with the gaps between the fields as padding; begins at the first address."""
    parts, here = [">"], fields[0][0]
    for address, kind in fields:
        parts += [f"{address - here}x", kind]
        here = address + calcsize(">" + kind)
    return Struct("".join(parts))


_FIRST = W_FACING - WORK_RAM
_unpack = _structure(_FIELDS).unpack_from
# Places in the bytes of belongings, which begin with the Pokedex.
_BAG = slice(W_NUM_BAG_ITEMS - W_POKEDEX_OWNED, W_BAG_ITEMS + 2 * BAG_MAX + 1 - W_POKEDEX_OWNED)
_MONEY = slice(W_PLAYER_MONEY - W_POKEDEX_OWNED, W_PLAYER_MONEY - W_POKEDEX_OWNED + 3)

BattleChange = Literal["started", "won", "lost", "escaped"]


@dataclass(frozen=True, slots=True)
class PartyMon:
    """One creature of the party. HP in points, status as the game's byte (bits 0-2 sleep turns, 3 poison,
    4 burn, 5 freeze, 6 paralysis), four move ids and their power points left, 0 for an empty slot."""

    species: int = 0
    level: int = 0
    hp: int = 0
    max_hp: int = 0
    status: int = 0
    moves: tuple[int, int, int, int] = NO_MOVES
    pp: tuple[int, int, int, int] = NO_MOVES


class GameState(NamedTuple):
    """One moment of the game. ``enemy_*`` and ``own_*`` (in battle) are stale while ``battle`` is 0.

    A tuple, since one is made for every step: a frozen dataclass takes three times as long to make.
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
    pokedex_owned: int = 0  # how many
    pokedex_seen: int = 0
    play_time: int = 0  # seconds
    joy_ignore: int = 0  # buttons that are ignored, 0: the player has control
    walk_counter: int = 0
    menu_item: int = 0
    last_map: int = 0
    blackout_map: int = 0
    active_slot: int = 0  # of the party: creature in battle, see envs.fighter
    map_height: int = 0  # blocks of 2 x 2 steps, 0: not known
    map_width: int = 0
    battle_type: int = 0  # 0 normal, 1 tutorial, 2 safari
    boxed: int = 0  # creatures in the current box

    @property
    def badge_count(self) -> int:
        """How many badges, 0 to 8."""
        return self.badges.bit_count()

    @property
    def event_count(self) -> int:
        """How many event flags are set, without the museum ticket (which can be bought again and again)."""
        return count_bits(self.event_bytes) - bit(self.event_bytes, MUSEUM_TICKET)

    def has_event(self, number: int) -> bool:
        """Whether event ``number`` (0 to 2559) is set. Raises IndexError outside that range."""
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
    )


# Party, bag and Pokedex stay the same for many steps: the last ones are kept by their bytes.
@lru_cache(maxsize=256)
def _party(data: bytes) -> tuple[PartyMon, ...]:
    return tuple(_mon(data[i : i + MON_BYTES]) for i in range(0, len(data), MON_BYTES))


@lru_cache(maxsize=256)
def _belongings(data: bytes) -> tuple[tuple[tuple[int, int], ...], int, int, int]:
    """Bag, money, creatures owned and seen, of the bytes from W_POKEDEX_OWNED to the badges."""
    return (
        _bag(data[_BAG]),
        bcd(data[_MONEY]),
        count_bits(data[:POKEDEX_BYTES]),
        count_bits(data[POKEDEX_BYTES : 2 * POKEDEX_BYTES]),
    )


def _bag(data: bytes) -> tuple[tuple[int, int], ...]:
    """Pairs (id, quantity) of ``data`` = count, pairs, 0xFF. A count above twenty is no bag at all."""
    count = data[0]
    if count > BAG_MAX:
        return ()
    pairs = [(data[1 + 2 * i], data[2 + 2 * i]) for i in range(count)]
    end = next((i for i, (item, _) in enumerate(pairs) if item == 0xFF), count)
    return tuple(pairs[:end])


def _battle(value: int) -> int:
    return BATTLE_LOST if value == 0xFF else value if value <= 2 else 0


def work_ram_of(memory: Memory) -> bytes | memoryview:
    """Work RAM (0xC000 to 0xDFFF), or at least all of it that ``read_state`` reads."""
    whole: memoryview | None = getattr(memory, "work_ram", None)
    if whole is not None:
        return whole
    image = bytearray(WORK_RAM_BYTES)
    for part in _STRETCHES:
        image[part.start - WORK_RAM : part.stop - WORK_RAM] = bytes(memory[part])
    return bytes(image)


def read_state(memory: Memory) -> GameState:
    """The GameState of this moment, from anything with ``memory[a]`` and ``memory[a:b]``.

    A party count of 0 or above six is no party at all (memory not set up yet).
    """
    # fmt: off
    (
        facing, menu_item, active_slot, joy_ignore, battle_result, walk_counter,
        enemy_species, enemy_hp, enemy_level, enemy_max_hp, own_hp, own_level, own_max_hp,
        battle, battle_type, escaped, members, party, belongings, badges, map_id, y, x, last_map,
        map_height, map_width, blackout_map, event_bytes, hours, minutes, seconds, boxed,
    ) = _unpack(work_ram_of(memory), _FIRST)
    bag, money, owned, seen = _belongings(belongings)
    return GameState._make((  # in the order of its fields: names would cost as much as all the rest
        map_id, x, y, facing & 0x0C, badges,
        _party(party[: members * MON_BYTES]) if members <= PARTY_MAX else (),
        _battle(battle), battle_result, escaped,
        enemy_species, enemy_level, enemy_hp, enemy_max_hp, own_level, own_hp, own_max_hp,
        event_bytes, money, bag, owned, seen, hours * 3600 + minutes * 60 + seconds,
        joy_ignore, walk_counter, menu_item, last_map, blackout_map,
        active_slot, map_height, map_width, battle_type, boxed,
    ))
    # fmt: on


def battle_change(before: GameState, now: GameState) -> BattleChange | None:
    """What happened to battles between two moments.

    "started"; and of a battle that went on before: "won", "lost", or "escaped" for any other end (somebody
    ran, or the wild creature was caught). The moment after a loss (battle -1) going back to 0 is not a second
    loss. The rules are those of the original, as its public disassembly (pret/pokered) has them.
    """
    if now.battle > 0:
        return "started" if before.battle <= 0 else None
    if before.battle <= 0:
        return None
    if _is_lost(before, now):
        return "lost"
    return "won" if _is_won(before, now) else "escaped"


def _is_lost(before: GameState, now: GameState) -> bool:
    """The result byte is 1 as soon as an own creature faints, so of a wild battle, which one may still run
    from, it says nothing while another stands."""
    standing = any(mon.hp for mon in now.party)
    if now.battle == BATTLE_LOST or (now.party and not standing):
        return True
    if now.battle_result == 1:
        return before.battle == TRAINER or not standing
    return _blacked_out(before, now)


def _blacked_out(before: GameState, now: GameState) -> bool:
    """Signs of a blackout that passed within one action. About 40 frames after a battle is lost the result
    byte and wIsInBattle are 0, half of the money is gone and the team is well again."""
    well = all(mon.hp == mon.max_hp and not mon.status for mon in now.party)
    if not now.party or not well or now.money != before.money // 2:
        return False
    return before.money > 0 or (now.map_id == now.blackout_map != before.map_id)


def _is_won(before: GameState, now: GameState) -> bool:
    """Of a wild battle, that the enemy fainted: when it runs, or the last safari ball is thrown, the result
    byte is 0 as well."""
    if now.battle_result != 0 or before.escaped or now.escaped:
        return False
    if before.battle == TRAINER:
        return True
    return before.battle_type != SAFARI and 0 in (before.enemy_hp, now.enemy_hp)
