"""The own creature in battle is found in whichever party slot it is."""

from __future__ import annotations

import pytest

from envs.fighter import fighter, fighting_slot
from envs.game_boy.emulator import Emulator
from envs.observation_parts.base import scaled_hp, share
from envs.observations import Observations
from envs.ram import W_PLAYER_MON_NUMBER, GameState, PartyMon, read_state
from envs.visited import VisitedTiles
from tests.conftest import State
from tests.envs.cartridge.battle_play import HP, LEVEL, MON, MOVES, STATS, TEAM, Player
from tests.envs.cartridge.battle_play import PARTY as PARTY_MONS
from tests.envs.cartridge.test_battle import WALK

PARTY = (
    PartyMon(1, 20, 0, 60, moves=(1, 0, 0, 0)),
    PartyMon(2, 30, 70, 80, moves=(2, 3, 0, 0)),
    PartyMon(3, 20, 50, 60, moves=(4, 5, 6, 0)),
    PartyMon(4, 30, 40, 80, moves=(7, 8, 9, 10)),
)


def in_battle(slot: int, level: int, hp: int, max_hp: int) -> GameState:
    return GameState(battle=1, party=PARTY, active_slot=slot, own_level=level, own_hp=hp, own_max_hp=max_hp)


@pytest.mark.parametrize("slot", range(4))
def test_the_games_slot_number_decides_whatever_hp_the_turn_left(slot: int) -> None:
    mon = PARTY[slot]
    state = in_battle(slot, mon.level, 7, mon.max_hp)
    assert fighting_slot(state) == slot
    assert fighter(state) == PartyMon(mon.species, mon.level, 7, mon.max_hp, moves=mon.moves)


@pytest.mark.parametrize(("hp", "slot"), [(70, 1), (40, 3), (11, 1)])
def test_without_the_slot_number_level_and_hp_decide(hp: int, slot: int) -> None:
    """Memory always holds 0, or a number that is not a slot."""
    for number in (0, 200):
        assert fighting_slot(in_battle(number, 30, hp, 80)) == slot


def test_before_a_creature_is_sent_out_it_is_the_first_that_can_fight() -> None:
    state = in_battle(0, 12, 5, 33)  # of a creature that is now in the box
    assert fighting_slot(state) is None
    assert fighter(state) == PARTY[1]


def test_without_a_party_the_numbers_come_from_memory() -> None:
    state = GameState(battle=1, own_level=9, own_hp=10, own_max_hp=20)
    assert fighter(state) == PartyMon(level=9, hp=10, max_hp=20)


def test_the_slot_number_is_read_from_its_address() -> None:
    data = bytearray(0x10000)
    data[0xCC2F] = 4
    assert W_PLAYER_MON_NUMBER == 0xCC2F
    assert read_state(data).active_slot == 4


def seen(state: GameState) -> list[int]:
    observations, visited = Observations(["battle"]), VisitedTiles()
    visited.reset(state)
    return list(observations.encode(state, visited)["battle"].tolist())


def test_the_battle_observation_shows_the_creature_that_fights() -> None:
    for slot, mon in enumerate(PARTY[1:], start=1):
        numbers = seen(in_battle(slot, mon.level, 9, mon.max_hp))
        assert numbers[3:6] == [mon.level, share(9, mon.max_hp), scaled_hp(mon.max_hp)]
        assert numbers[11:17] == [mon.species, 0, *mon.moves]


def weaken_the_twin(player: Player) -> None:
    """Put a weaker copy of the first creature into the second slot: level 4, other HP, another move."""
    player.add_twin()
    twin = PARTY_MONS + MON
    player.memory[twin + LEVEL] = 4
    player.put(twin + HP, 13)
    player.put(twin + STATS, 15)
    player.memory[twin + MOVES] = 57


def test_a_creature_that_is_switched_in_is_shown(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("route1"))
    player = Player(emulator)
    weaken_the_twin(player)
    for button in WALK:
        if player.now.battle:
            break
        emulator.act(button)
    player.until(lambda: player.in_menu)
    first, second = player.now.party
    assert fighting_slot(player.now) == 0
    assert seen(player.now)[3] == first.level
    player.choose(TEAM)
    player.until(lambda: not player.in_menu, None)
    emulator.act("down")
    emulator.act("a")
    player.until(lambda: player.in_menu)
    assert fighting_slot(player.now) == 1
    numbers = seen(player.now)
    assert numbers[3:6] == [4, share(player.now.own_hp, 15), scaled_hp(15)]
    assert numbers[11:17] == [second.species, 0, *second.moves]
    assert second.moves != first.moves
