"""The memory reader decodes every possible byte."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import ram
from envs.ram import GameState, PartyMon, bcd, bit, count_bits, read_state

BYTES = st.integers(0, 255)


def memory(**fields: int | bytes) -> bytearray:
    """Return 64 KiB of zeros with values at addresses that envs.ram names."""
    data = bytearray(0x10000)
    for name, value in fields.items():
        part = value if isinstance(value, bytes) else bytes([value])
        address = getattr(ram, name)
        data[address : address + len(part)] = part
    return data


@given(st.integers(0, 999_999))
def test_bcd_reads_its_decimal_digits(value: int) -> None:
    assert bcd(bytes.fromhex(f"{value:06d}")) == value


@given(st.lists(BYTES, min_size=3, max_size=3))
def test_bcd_stays_in_range_whatever_the_nibbles(data: list[int]) -> None:
    assert 0 <= bcd(data) <= 999_999


@given(st.integers(0, ram.EVENT_COUNT - 1))
def test_events_are_least_significant_bit_first(number: int) -> None:
    data = bytearray(ram.EVENT_BYTES)
    data[number // 8] = 1 << (number % 8)
    assert bit(data, number)
    assert [n for n in range(ram.EVENT_COUNT) if bit(data, n)] == [number]


@given(st.binary(min_size=1, max_size=320))
def test_count_bits_counts_each_flag_once(data: bytes) -> None:
    assert count_bits(data) == sum(bit(data, n) for n in range(8 * len(data)))


@pytest.mark.parametrize("number", [-1, ram.EVENT_COUNT])
def test_an_event_out_of_range_is_an_error(number: int) -> None:
    with pytest.raises(IndexError):
        GameState().has_event(number)


def test_the_event_flags_are_320_bytes_at_their_address() -> None:
    data = memory()
    data[0xD747] = 1
    data[0xD886] = 0x80
    data[0xD887] = 0xFF  # past the end
    data[0xD746] = 0xFF  # before the start
    state = read_state(data)
    assert state.event_count == 2
    assert state.has_event(0)
    assert state.has_event(2559)


def test_the_museum_ticket_does_not_count() -> None:
    data = memory()
    data[0xD754] = 1
    assert read_state(data).event_count == 0


@given(st.lists(st.binary(min_size=44, max_size=44), min_size=6, max_size=6), BYTES)
def test_slots_past_the_party_count_are_never_read(mons: list[bytes], count: int) -> None:
    party = read_state(memory(W_PARTY_COUNT=count, W_PARTY_MONS=b"".join(mons))).party
    assert len(party) == (count if count <= 6 else 0)
    for mon, raw in zip(party, mons, strict=False):
        assert (mon.species, mon.level, mon.status) == (raw[0], raw[33], raw[4])
        assert (mon.hp, mon.max_hp) == tuple(int.from_bytes(raw[at : at + 2], "big") for at in (1, 34))
        assert (mon.moves, mon.pp) == (tuple(raw[8:12]), tuple(b & 63 for b in raw[29:33]))


@given(st.lists(st.tuples(st.integers(1, 254), st.integers(1, 99)), max_size=20))
def test_the_bag_is_pairs_up_to_its_count_or_end_mark(pairs: list[tuple[int, int]]) -> None:
    raw = bytes(number for pair in pairs for number in pair) + b"\xff"
    assert read_state(memory(W_NUM_BAG_ITEMS=len(pairs), W_BAG_ITEMS=raw)).bag == tuple(pairs)
    assert read_state(memory(W_NUM_BAG_ITEMS=20, W_BAG_ITEMS=raw)).bag == tuple(pairs)
    assert read_state(memory(W_NUM_BAG_ITEMS=21, W_BAG_ITEMS=raw)).bag == ()


def test_every_number_comes_from_its_address() -> None:
    data = memory(W_PLAYER_MONEY=b"\x01\x23\x45", W_CUR_MAP=51, W_X_COORD=7, W_Y_COORD=9, W_FACING=8)
    data[0xD356] = 0b1000_0001
    data[0xD2F7], data[0xD30A + 18] = 0b11, 0b100
    data[0xDA41], data[0xDA43], data[0xDA44], data[0xDA45] = 2, 3, 4, 59
    data[0xCD6B], data[0xCFC5], data[0xCC26], data[0xD365], data[0xD719] = 0xFC, 5, 3, 1, 2
    state = read_state(data)
    assert (state.money, state.map_id, state.x, state.y, state.facing) == (12345, 51, 7, 9, 8)
    assert (state.badges, state.badge_count) == (0x81, 2)
    assert (state.pokedex_owned, state.pokedex_seen) == (2, 1)
    assert state.play_time == 2 * 3600 + 3 * 60 + 4
    assert (state.joy_ignore, state.walk_counter, state.menu_item) == (0xFC, 5, 3)
    assert (state.last_map, state.blackout_map) == (1, 2)


def test_battle_numbers_are_big_endian_at_their_addresses() -> None:
    data = memory(W_ENEMY_MON_SPECIES=36, W_ENEMY_MON_HP=b"\x01\x02", W_ENEMY_MON_LEVEL=5)
    data[0xCFF4:0xCFF6] = b"\x02\x03"
    data[0xD015:0xD017], data[0xD022], data[0xD023:0xD025] = b"\x00\x0c", 6, b"\x03\xe7"
    data[0xD057], data[0xCF0B], data[0xD078] = 2, 1, 9
    state = read_state(data)
    assert (state.enemy_species, state.enemy_level, state.enemy_hp, state.enemy_max_hp) == (36, 5, 258, 515)
    assert (state.own_hp, state.own_level, state.own_max_hp) == (12, 6, 999)
    assert (state.battle, state.battle_result, state.escaped) == (2, 1, True)


@pytest.mark.parametrize(("raw", "battle"), [(0, 0), (1, 1), (2, 2), (0xFF, -1), (3, 0), (0x80, 0)])
def test_a_lost_battle_reads_minus_one_and_unknown_values_zero(raw: int, battle: int) -> None:
    assert read_state(memory(W_IS_IN_BATTLE=raw)).battle == battle


@settings(max_examples=50)
@given(st.integers(0, 2**32))
def test_random_memory_stays_within_the_ranges(seed: int) -> None:
    state = read_state(random.Random(seed).randbytes(0x10000))
    assert len(state.party) <= 6
    assert len(state.bag) <= 20
    assert all(item != 0xFF for item, _ in state.bag)
    assert state.battle in (-1, 0, 1, 2)
    assert state.facing in (0, 4, 8, 12)
    assert 0 <= state.money <= 999_999
    assert 0 <= state.badge_count <= 8
    assert 0 <= state.event_count <= ram.EVENT_COUNT
    assert max(state.pokedex_owned, state.pokedex_seen) <= 8 * 19
    assert max(state.enemy_hp, state.enemy_max_hp, state.own_hp, state.own_max_hp) <= 0xFFFF


def test_a_state_is_immutable() -> None:
    with pytest.raises(AttributeError):
        GameState().map_id = 1  # type: ignore[misc]
    with pytest.raises(AttributeError):
        PartyMon().level = 1  # type: ignore[misc]


def test_types_stats_and_conditions_come_from_their_addresses() -> None:
    data = memory(W_PARTY_COUNT=1, W_IS_IN_BATTLE=1)
    data[0xD16B + 5 : 0xD16B + 7] = b"\x14\x02"
    data[0xD16B + 36 : 0xD16B + 44] = b"\x00\x31\x01\x02\x00\x2d\x00\x41"
    data[0xCFE9], data[0xCFEA:0xCFEC], data[0xD700] = 0x48, b"\x16\x03", 2
    state = read_state(data)
    assert (state.party[0].types, state.party[0].stats) == ((20, 2), (49, 258, 45, 65))
    assert (state.enemy_status, state.enemy_types, state.riding) == (0x48, (22, 3), 2)


def test_a_menu_is_its_cursor_on_the_screen() -> None:
    data = memory()
    assert (read_state(data).cursor, read_state(data).menu_depth) == (-1, 0)
    data[0xC3A0 + 2 * 20 + 11], data[0xC3A0 + 8 * 20 + 15] = 0xEC, 0xED  # one menu over another
    assert (read_state(data).cursor, read_state(data).menu_depth) == (8 * 20 + 15, 2)
    data[0xFF4A] = 144  # the window that menus are drawn on is below the screen
    assert (read_state(data).cursor, read_state(data).menu_depth) == (-1, 0)
