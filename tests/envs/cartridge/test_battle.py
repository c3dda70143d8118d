"""Tests of battles on the cartridge, through memory: won, lost, fled, caught; levels, status, trainers.

Most start from one wild battle on route 1 whose numbers are set in memory, so that the outcome is certain
whatever the random numbers are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from envs.cartridge.walkthrough.fight import Fighter
from envs.cartridge.walkthrough.pilot import Pilot
from envs.game.catalog import EMBEDDED_ROM
from envs.game_boy.emulator import BUTTONS, Emulator
from tests.envs.cartridge.battle_play import (
    BAG,
    BATTLE_LEVEL,
    BATTLE_PP,
    BATTLE_SPEED,
    ENEMY,
    ENEMY_PARTY,
    EXPERIENCE,
    FIGHT,
    HP,
    IVS,
    LEVEL,
    MON,
    OWN,
    PARALYZED,
    PARTY,
    POISONED,
    PP,
    RUN,
    STATS,
    TEAM,
    Player,
    big_endian,
    check_party,
    formula,
)
from tests.envs.cartridge.tables_text import creatures, items, moves, trainer

State = Callable[[str], bytes]
WALK = ("up", "up", *("left", "left", "right", "right") * 100)
"""Into the tall grass of route 1, then back and forth."""


@pytest.fixture(scope="module")
def encounter(state: State) -> bytes:
    """A wild battle on route 1, with its menu open."""
    with Emulator(EMBEDDED_ROM) as machine:
        machine.load_state(state("route1"))
        player = Player(machine)
        for button in WALK:
            if player.now.battle:
                break
            machine.act(button)
        player.until(lambda: player.in_menu)
        return machine.save_state()


@pytest.fixture
def player(emulator: Emulator, encounter: bytes) -> Iterator[Player]:
    """A player in that battle, with full HP and no status."""
    emulator.load_state(encounter)
    someone = Player(emulator)
    someone.set_hp(own=someone.now.own_max_hp)
    someone.set_status(0)
    yield someone
    check_party(someone)


def test_memory_is_complete_in_the_first_frame_of_a_battle(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("route1"))
    player = Player(emulator)
    frames = ((button, frame) for button in WALK for frame in range(24))
    for button, frame in frames:
        if frame == 0:
            emulator.press(button)
        if frame == 8:
            emulator.release(button)
        emulator.tick(1)
        if player.memory[0xD057]:
            break
    now = player.now
    assert now.battle == 1
    assert now.enemy_species in creatures()
    assert player.memory[0xD059] == now.enemy_species
    assert player.memory[0xD05A] == 0
    assert 0 < now.enemy_hp == now.enemy_max_hp
    assert 2 <= now.enemy_level <= 5
    assert (now.own_hp, now.own_max_hp) == (now.party[0].hp, now.party[0].max_hp)
    assert player.memory[OWN + BATTLE_LEVEL] == now.party[0].level
    assert not now.escaped


def test_winning_gives_experience_and_costs_power_points(player: Player) -> None:
    player.set_hp(enemy=1)
    before, points = player.now, player.experience
    level = before.enemy_level
    now = player.end()
    assert (now.battle, now.battle_result, now.escaped, now.enemy_hp) == (0, 0, False, 0)
    assert player.experience - points == creatures()[before.enemy_species].exp * level // 7
    assert now.party[0].pp[0] < before.party[0].pp[0]
    assert now.money == before.money


def test_a_new_level_raises_stats_and_hp(player: Player) -> None:
    before = player.now.party[0]
    player.put(PARTY + EXPERIENCE, (before.level + 1) ** 3 - 1, 3)
    player.set_hp(enemy=1)
    player.put(ENEMY + BATTLE_SPEED, 1)
    now = player.end().party[0]
    assert now.level == before.level + 1
    ivs = (player.memory[PARTY + IVS], player.memory[PARTY + IVS + 1])
    effort = [player.word(PARTY + 17 + 2 * i) for i in range(5)]
    stats = [player.word(PARTY + STATS + 2 * i) for i in range(5)]
    assert stats == formula(creatures()[now.species], ivs, effort, now.level)
    assert now.max_hp > before.max_hp
    assert any(effort)


def test_a_new_level_can_teach_a_move(player: Player) -> None:
    mon = player.now.party[0]
    level, name = next(entry for entry in creatures()[mon.species].learn if entry[0] > mon.level)
    player.memory[PARTY + LEVEL] = level - 1
    player.put(PARTY + EXPERIENCE, level**3 - 1, 3)
    player.set_hp(enemy=1)
    now = player.end().party[0]
    assert now.level == level
    learnt = next(number for number, words in moves().items() if words[0] == name)
    assert now.moves[: len([move for move in mon.moves if move]) + 1][-1] == learnt
    assert now.pp[now.moves.index(learnt)] == int(moves()[learnt][4])


def test_a_creature_old_enough_evolves_after_the_battle(player: Player) -> None:
    young, old = 123, 124
    level, name = creatures()[young].evolve
    assert creatures()[old].name == name
    player.memory[PARTY] = player.memory[OWN] = player.memory[0xD164] = young
    player.memory[PARTY + LEVEL] = int(level) - 1
    player.put(PARTY + EXPERIENCE, int(level) ** 3 - 1, 3)
    player.set_hp(enemy=1)
    now = player.end()
    assert (now.party[0].species, now.party[0].level) == (old, int(level))
    assert player.memory[0xD164] == old
    dex = creatures()[old].dex - 1
    assert player.memory[0xD2F7 + dex // 8] >> dex % 8 & 1


def test_participants_share_the_experience(player: Player) -> None:
    player.add_twin()
    assert player.now.active_slot == 0
    player.set_hp(own=player.now.own_max_hp, enemy=900)
    player.put(0xCFF4, 900)
    player.choose(TEAM)
    player.machine.act("down")
    player.machine.act("a")
    player.until(lambda: player.in_menu)
    assert (player.memory[OWN + 3], player.now.active_slot) == (1, 1)
    points = player.experience
    player.put(ENEMY + HP, 1)
    player.put(ENEMY_PARTY + HP, 1)
    enemy = player.now
    player.end()
    share = creatures()[enemy.enemy_species].exp * enemy.enemy_level // 7 // 2
    assert player.experience == points + share
    twin = PARTY + MON + EXPERIENCE
    assert big_endian(player.memory[twin : twin + 3]) == points + share


def test_losing_is_reported_and_leads_to_the_healing_place(player: Player) -> None:
    player.set_hp(own=1, enemy=900)
    player.put(0xCFF4, 900)
    before = player.now
    now = player.end()
    assert (now.battle, now.battle_result, now.party[0].hp) == (-1, 1, 0)
    player.until(lambda: player.now.battle == 0 and not player.now.joy_ignore)
    now = player.now
    assert now.map_id == before.blackout_map
    assert now.party[0].hp == now.party[0].max_hp
    assert now.money == before.money // 2


def test_running_ends_the_battle_without_a_winner(player: Player) -> None:
    player.put(OWN + BATTLE_SPEED, 200)
    points = player.experience
    now = player.end(RUN)
    assert (now.battle, now.battle_result, now.escaped) == (0, 2, True)
    assert player.experience == points


def test_a_ball_catches_a_weak_creature(player: Player) -> None:
    player.set_hp(enemy=1)
    player.put(0xD31D, 1, 1)
    player.put(0xD31E, items()["CATCH_BALL"] << 16 | 3 << 8 | 0xFF, 3)
    before = player.now
    player.choose(BAG)
    player.machine.act("a")
    player.until(lambda: player.now.battle == 0, "a")
    now = player.now
    assert (now.battle_result, now.escaped) == (2, False)
    assert now.bag == ((items()["CATCH_BALL"], 2),)
    assert len(now.party) == len(before.party) + 1
    assert (now.party[-1].species, now.party[-1].hp) == (before.enemy_species, 1)
    dex = creatures()[before.enemy_species].dex - 1
    assert player.memory[0xD2F7 + dex // 8] >> dex % 8 & 1
    assert player.memory[0xD164 + len(before.party)] == before.enemy_species
    assert player.memory[0xD164 + len(now.party)] == 0xFF


def test_a_potion_in_battle_heals_the_fighting_creature(player: Player) -> None:
    player.set_hp(own=1)
    player.put(OWN + BATTLE_SPEED, 200)
    player.put(0xD31D, 1, 1)
    player.put(0xD31E, items()["POTION"] << 16 | 1 << 8 | 0xFF, 3)
    player.choose(BAG)
    player.machine.act("a")
    player.machine.act("a")
    now = player.now
    assert now.party[0].hp == min(21, now.party[0].max_hp)
    assert now.bag == ()
    player.until(lambda: player.in_menu)
    assert player.now.own_hp == player.now.party[0].hp


def test_poison_hurts_at_the_end_of_a_turn(player: Player) -> None:
    player.set_status(POISONED)
    player.put(OWN + 15, 160)
    player.put(PARTY + STATS, 160)
    player.set_hp(own=160)
    player.use_move(1)
    player.until_shown("suffers poison")
    before = player.now.own_hp
    player.until(lambda: player.in_menu)
    assert before - player.now.own_hp == 160 // 16 + 1
    assert player.now.party[0].hp == player.now.own_hp


def test_sleep_costs_the_turn_but_no_power_points(player: Player) -> None:
    player.set_status(3)
    before = player.now.party[0]
    player.use_move()
    player.until_shown("is fast asleep")
    assert player.now.party[0].status == 2
    assert player.now.party[0].pp == before.pp


@pytest.mark.parametrize(("status", "first"), [(0, "TREFAWN"), (PARALYZED, "Wild")])
def test_paralysis_lowers_speed(player: Player, status: int, first: str) -> None:
    player.set_status(status)
    player.put(OWN + BATTLE_SPEED, 20)
    player.put(ENEMY + BATTLE_SPEED, 10)
    player.use_move()
    player.until(lambda: player.screen.shows("used") or player.screen.shows("cannot move"), None)
    assert player.screen.row(14).strip(" |").startswith(first)


def test_without_power_points_only_last_gasp_is_left(player: Player) -> None:
    for slot in range(4):
        player.memory[OWN + BATTLE_PP + slot] = player.memory[PARTY + PP + slot] = 0
    player.put(OWN + BATTLE_SPEED, 200)
    player.choose(FIGHT)
    player.until_shown("LAST GASP")
    assert player.now.party[0].pp == (0, 0, 0, 0)


def test_a_fainted_creature_is_followed_by_another(player: Player) -> None:
    player.add_twin()
    player.set_hp(own=1, enemy=900)
    player.put(0xCFF4, 900)
    player.put(ENEMY + BATTLE_SPEED, 200)

    def asked() -> bool:
        if player.in_menu:
            player.use_move(1)
        return player.screen.shows("Who goes on")

    player.until(asked)
    assert (player.now.battle, player.now.party[0].hp) == (1, 0)
    player.machine.act("down")
    player.machine.act("a")
    player.until(lambda: player.in_menu)
    now = player.now
    assert (now.battle, now.own_hp, now.active_slot) == (1, now.party[1].hp, 1)
    assert player.memory[OWN + 3] == 1


def test_random_buttons_never_break_the_party(player: Player) -> None:
    buttons = np.random.default_rng(7)
    for _ in range(700):
        player.machine.act(BUTTONS[buttons.integers(len(BUTTONS))])
        check_party(player)
        now = player.now
        if now.battle == 1:
            assert now.enemy_hp <= now.enemy_max_hp
            assert now.own_hp in {mon.hp for mon in now.party}


def test_a_trainer_pays_once_and_cannot_be_run_from(emulator: Emulator, state: State) -> None:
    emulator.load_state(state("gym1"))
    fighter, tried = Fighter(), False
    seen: set[tuple[int, int, int]] = set()
    runner, junior = Player(emulator), trainer("camper_1")

    def fight(pilot: Pilot) -> None:
        nonlocal tried
        memory = emulator.memory
        seen.add((pilot.state.battle, memory[0xD059], memory[0xD89C]))
        if runner.in_menu and not tried:
            tried = True
            runner.choose(RUN)
            runner.until_shown("cannot run")
        fighter(pilot)

    pilot = Pilot(emulator, fight)
    money = pilot.state.money
    pilot.visit("GYM_1", 4, 9)
    pilot.settle()
    assert tried
    assert seen == {(2, 200 + junior.kind, len(junior.party))}
    assert pilot.state.money == money + junior.money
    assert pilot.state.has_event(junior.event)
    check_party(runner)
    pilot.visit("GYM_1", 4, 11)
    pilot.visit("GYM_1", 4, 9)
    assert pilot.state.money == money + junior.money
    assert set(moves()) >= {move for mon in pilot.state.party for move in mon.moves if move}
