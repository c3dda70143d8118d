"""Tests of the cartridge's memory in battles, against what happens in a recorded play."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import pairwise

from envs.battle_ends import battle_change
from envs.game_boy.emulator import Emulator
from envs.ram import read_state
from tests.envs.recorder import Moment

State = Callable[[str], bytes]
HEALING_PLACES = (0, 37, 41, 58)  # map ids


def settled(battle: list[Moment]) -> Iterator[Moment]:
    """The moments in which both creatures have been sent out."""
    return (m for m in battle if m.state.own_level and m.state.enemy_level)


def test_battles_are_wild_or_with_trainers(battles: list[list[Moment]]) -> None:
    kinds = {moment.state.battle for battle in battles for moment in battle}
    assert kinds == {1, 2}
    for battle in battles:
        assert len({moment.state.battle for moment in battle}) == 1
        opponents = {moment.byte(0xD059) for moment in settled(battle)}
        assert len(opponents) == 1
        assert (opponents.pop() >= 200) == (battle[0].state.battle == 2)
        assert {moment.byte(0xD05A) for moment in battle} == {0}


def test_the_enemy_belongs_to_the_opponent(battles: list[list[Moment]]) -> None:
    for battle in battles:
        for moment in settled(battle):
            if moment.state.battle == 1:
                assert moment.state.enemy_species == moment.byte(0xD059)
            else:
                count = moment.byte(0xD89C)
                team = [moment.byte(0xD8A4 + 44 * slot) for slot in range(count)]
                assert 1 <= count <= 6
                assert moment.state.enemy_species in team


def test_hp_in_battle_is_within_its_limits_and_falls(battles: list[list[Moment]]) -> None:
    fell = 0
    for battle in battles:
        for moment in settled(battle):
            assert 0 <= moment.state.enemy_hp <= moment.state.enemy_max_hp
            assert 0 <= moment.state.own_hp <= moment.state.own_max_hp
            assert 1 <= moment.state.enemy_level <= 100
        for before, now in pairwise(settled(battle)):
            fell += now.state.enemy_hp < before.state.enemy_hp
    assert fell > len(battles) // 2


def test_the_creature_in_battle_is_one_of_the_party(battles: list[list[Moment]]) -> None:
    for battle in battles:
        last = battle[-1].state
        assert (last.own_level, last.own_max_hp) in [(mon.level, mon.max_hp) for mon in last.party]


def test_the_battle_result_matches_its_end(play: list[Moment]) -> None:
    ends = {"won": 0, "lost": 0, "escaped": 0, "started": 0}
    for before, now in pairwise(play):
        change = battle_change(before.state, now.state)
        if change is not None:
            ends[change] += 1
        if change == "won":
            assert before.state.enemy_hp == 0
    assert ends["won"] >= 4
    assert ends["started"] == ends["won"] + ends["lost"] + ends["escaped"]


def test_a_loss_is_reported_and_leads_to_the_healing_place(emulator: Emulator, state: State) -> None:
    """With one HP left, a player who presses random buttons soon loses a wild battle."""
    emulator.load_state(state("route1"))
    emulator.tick(30)
    emulator.memory[0xD16C] = 0  # type: ignore[index]
    emulator.memory[0xD16D] = 1  # type: ignore[index]
    buttons = random.Random(3)
    seen = [read_state(emulator.memory)]
    while len(seen) < 6000 and not (
        seen[-1].battle == 0 and any(moment.battle == -1 for moment in seen[-200:])
    ):
        emulator.act(buttons.choice(("down", "up", "left", "right")) if seen[-1].battle == 0 else "a")
        seen.append(read_state(emulator.memory))
    changes = [battle_change(before, now) for before, now in pairwise(seen)]
    assert changes.count("lost") == 1
    assert seen[-1].battle_result == 1
    for _ in range(40):
        emulator.act("b")
    after = read_state(emulator.memory)
    assert after.map_id in HEALING_PLACES
    assert after.party[0].hp == after.party[0].max_hp
    assert after.money == seen[0].money // 2
