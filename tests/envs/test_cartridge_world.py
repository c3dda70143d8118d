"""Tests of the cartridge's memory of player and world, against what happens in a recorded play."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from envs.game_boy.emulator import Emulator
from envs.ram import bcd, read_state
from tests.envs.recorder import Moment

State = Callable[[str], bytes]
OUTDOOR = range(37)  # map ids of towns and routes
BEDROOM, HOUSE, HOME, LABORATORY, SECOND_TOWN = 38, 37, 0, 40, 1


def test_the_play_visits_all_maps_up_to_the_gym(play: list[Moment]) -> None:
    maps = {moment.state.map_id for moment in play}
    assert {BEDROOM, HOUSE, HOME, LABORATORY, 12, SECOND_TOWN, 41, 42, 13, 51, 2} <= maps


def test_positions_are_steps_within_the_map(play: list[Moment]) -> None:
    for moment in play[5:]:
        height, width = moment.byte(0xD368), moment.byte(0xD369)
        assert 0 <= moment.state.y < 2 * height
        assert 0 <= moment.state.x < 2 * width
    assert {(m.byte(0xD368), m.byte(0xD369)) for m in play if m.state.map_id == HOME} == {(7, 10)}


def test_a_step_moves_one_tile_in_the_facing_direction(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("bedroom"))
    for button, facing, dx, dy in (
        ("up", 4, 0, -1),
        ("left", 8, -1, 0),
        ("down", 0, 0, 1),
        ("right", 12, 1, 0),
    ):
        emulator.act(button)
        before = read_state(emulator.memory)
        assert before.facing == facing
        emulator.press(button)
        emulator.tick(8)
        assert read_state(emulator.memory).walk_counter > 0
        emulator.release(button)
        emulator.tick(24)
        now = read_state(emulator.memory)
        assert (now.x, now.y, now.walk_counter) == (before.x + dx, before.y + dy, 0)


def test_the_player_moves_at_most_two_tiles_per_action(play: list[Moment]) -> None:
    for before, now in pairwise(play):
        if (
            before.state.map_id == now.state.map_id
            and not now.state.joy_ignore
            and not before.state.joy_ignore
        ):
            assert abs(before.state.x - now.state.x) + abs(before.state.y - now.state.y) <= 2


def test_the_screen_is_at_its_address(play: list[Moment]) -> None:
    pictures = {moment.bytes(0xC3A0, 360) for moment in play}
    assert len(pictures) > len(play) // 4
    assert all(len(set(picture)) > 1 for picture in pictures)


def test_scripts_ignore_the_joypad(play: list[Moment]) -> None:
    ignored = [moment for moment in play if moment.state.joy_ignore]
    assert ignored
    assert len(ignored) < len(play) // 2


def test_last_map_is_the_previous_outdoor_map(play: list[Moment]) -> None:
    outdoor: int | None = HOME
    lost_on: int | None = None
    for moment in play:
        place = moment.state.map_id
        if moment.state.battle == -1:
            lost_on, outdoor = place, None  # the blackout leads to another place
        elif place == lost_on:
            continue  # not yet moved
        elif place in OUTDOOR:
            outdoor = place
        elif outdoor is not None and place not in (47, 50, 51):  # gates are between two routes
            assert moment.state.last_map == outdoor
        if place != lost_on:
            lost_on = None
        assert moment.state.last_map in (*OUTDOOR, 51)


def test_tilesets_differ_indoors_and_outdoors(play: list[Moment]) -> None:
    tilesets = {moment.state.map_id: moment.byte(0xD367) for moment in play[5:]}
    assert tilesets[HOME] == tilesets[12] != tilesets[HOUSE]


def test_names_end_with_the_terminator(play: list[Moment]) -> None:
    for address in (0xD158, 0xD34A):
        names = {moment.bytes(address, 11) for moment in play}
        assert len(names) == 1
        name = names.pop().split(b"\x50")[0]
        assert 1 <= len(name) <= 7
        assert all(0x80 <= letter <= 0xB9 for letter in name)


def test_money_is_binary_coded_decimal_and_grows(play: list[Moment]) -> None:
    raw = [moment.bytes(0xD347, 3) for moment in play]
    assert all(digit <= 9 for money in set(raw) for byte in money for digit in (byte >> 4, byte & 15))
    assert bcd(raw[0]) == play[0].state.money == 3000
    assert any(now.state.money > before.state.money for before, now in pairwise(play))
    won = [now for before, now in pairwise(play) if before.state.battle == 2 and now.state.battle == 0]
    assert won


def test_the_bag_ends_after_its_count(play: list[Moment]) -> None:
    for moment in play:
        count = moment.byte(0xD31D)
        assert count <= 20
        assert moment.byte(0xD31E + 2 * count) == 0xFF
        assert len(moment.state.bag) == count
        assert all(item and 1 <= quantity <= 99 for item, quantity in moment.state.bag)
    assert any((70, 1) in moment.state.bag for moment in play)  # the parcel


def test_the_partys_species_list_matches_its_creatures(play: list[Moment]) -> None:
    for moment in play:
        count = moment.byte(0xD163)
        listed = moment.bytes(0xD164, count + 1)
        assert listed == bytes(mon.species for mon in moment.state.party) + b"\xff"
    assert len(play[0].state.party) == 0
    assert len(play[-1].state.party) >= 1


def test_creatures_are_within_their_limits(play: list[Moment]) -> None:
    for mon in {mon for moment in play for mon in moment.state.party}:
        assert 1 <= mon.level <= 100
        assert 0 <= mon.hp <= mon.max_hp <= 999
        assert mon.max_hp > 0
        assert mon.moves[0] > 0
        assert all(
            (points == 0) if move == 0 else points <= 40
            for move, points in zip(mon.moves, mon.pp, strict=True)
        )


def test_experience_and_levels_grow_together(play: list[Moment]) -> None:
    grown = 0
    for before, now in pairwise(play):
        if (
            before.state.party
            and now.state.party
            and before.state.party[0].species == now.state.party[0].species
        ):
            earlier, later = (int.from_bytes(bytes(m.bytes(0xD16B + 14, 3)), "big") for m in (before, now))
            levels = now.state.party[0].level - before.state.party[0].level
            assert later >= earlier
            assert levels == 0 or later > earlier or before.state.battle
            grown += levels
    assert grown >= 4
    assert play[-1].state.party[0].level == play[-1].byte(0xD18C)
    assert play[-1].state.party[0].max_hp == int.from_bytes(bytes(play[-1].bytes(0xD18D, 2)), "big")


def test_owned_species_were_seen(play: list[Moment]) -> None:
    for moment in play:
        owned, seen = (int.from_bytes(moment.bytes(address, 19), "little") for address in (0xD2F7, 0xD30A))
        assert owned & ~seen == 0
        assert (
            moment.state.pokedex_owned == owned.bit_count() <= moment.state.pokedex_seen == seen.bit_count()
        )
        assert (owned > 0) == (len(moment.state.party) > 0)
    assert play[-1].state.pokedex_seen > play[-1].state.pokedex_owned


def test_the_story_sets_its_events_in_order(play: list[Moment]) -> None:
    order = [0x000, 0x022, 0x023, 0x039, 0x038]
    firsts = [next(i for i, m in enumerate(play) if m.state.has_event(event)) for event in order]
    assert firsts == sorted(firsts)
    assert all(now.state.event_count >= before.state.event_count for before, now in pairwise(play))
    assert any(moment.state.has_event(0x025) for moment in play)
    for moment in play:
        assert moment.state.has_event(0x022) == (len(moment.state.party) > 0)


def test_there_are_no_badges_before_the_gym(play: list[Moment]) -> None:
    assert {moment.state.badges for moment in play} == {0}


def test_visited_towns_are_marked(play: list[Moment]) -> None:
    visited: set[int] = set()
    for before, now in pairwise(play):
        if before.state.map_id == now.state.map_id <= 10:
            visited.add(now.state.map_id)
        flags = int.from_bytes(now.bytes(0xD70B, 2), "little")
        assert all(flags >> town & 1 for town in visited)
        assert flags.bit_count() <= len(visited | {HOME, now.state.map_id})
    assert visited == {HOME, SECOND_TOWN, 2}


def test_the_blackout_map_is_a_place_that_heals(play: list[Moment]) -> None:
    places = [moment.state.blackout_map for moment in play]
    assert set(places) <= {HOME, HOUSE, 41, 58}
    assert places[0] in (HOME, HOUSE)


def test_play_time_passes_with_the_frames(play: list[Moment]) -> None:
    for moment in play:
        assert moment.byte(0xDA43) < 60
        assert moment.byte(0xDA44) < 60
        assert moment.byte(0xDA45) < 60
    seconds = play[-1].state.play_time - play[0].state.play_time
    assert seconds == pytest.approx((play[-1].frame - play[0].frame) / 60, rel=0.05)


def test_options_and_modes_of_moving_are_known_values(play: list[Moment]) -> None:
    assert {moment.byte(0xD355) & 7 for moment in play} <= {1, 3, 5}
    assert {moment.byte(0xD700) for moment in play} == {0}


def test_the_cursor_moves_in_a_menu(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("starter"))
    emulator.act("start")
    seen = []
    for _ in range(3):
        emulator.act("down")
        seen.append(read_state(emulator.memory).menu_item)
    assert seen == [seen[0], seen[0] + 1, seen[0] + 2]


def test_random_numbers_change_every_frame(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("starter"))
    drawn = []
    for _ in range(60):
        emulator.tick(1)
        drawn.append(tuple(emulator.memory[0xFFD3:0xFFD5]))
    assert len(set(drawn)) > 50
