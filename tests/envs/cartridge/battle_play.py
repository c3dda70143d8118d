"""Player for battle tests: plays, sets numbers in memory, and checks what must always hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from envs.cartridge.walkthrough.screen import Screen
from envs.game_boy.emulator import Emulator
from envs.ram import GameState, read_state
from tests.envs.cartridge.tables_text import Creature, creatures

FIGHT, BAG, TEAM, RUN = range(4)
OWN, ENEMY, PARTY, ENEMY_PARTY = 0xD014, 0xCFE5, 0xD16B, 0xD8A4
HP, STATUS, MOVES, EXPERIENCE, IVS, PP, LEVEL, STATS = 1, 4, 8, 14, 27, 29, 33, 34
BATTLE_LEVEL, BATTLE_SPEED, BATTLE_PP = 14, 21, 25
MON = 44
POISONED, PARALYZED = 0x08, 0x40
MOST_ACTIONS = 400


def big_endian(data: Sequence[int]) -> int:
    """The unsigned number in ``data``, most significant byte first, as in the game's memory."""
    return int.from_bytes(bytes(data), "big")


class Player:
    """Plays a battle and sets its numbers in memory."""

    def __init__(self, machine: Emulator) -> None:
        self.machine = machine
        self.memory: Any = machine.memory

    @property
    def now(self) -> GameState:
        return read_state(self.memory)

    @property
    def screen(self) -> Screen:
        return Screen.read(self.memory)

    def word(self, address: int) -> int:
        return big_endian(self.memory[address : address + 2])

    def put(self, address: int, value: int, size: int = 2) -> None:
        for i, byte in enumerate(value.to_bytes(size, "big")):
            self.memory[address + i] = byte

    def set_hp(self, own: int | None = None, enemy: int | None = None) -> None:
        for value, battle, party in ((own, OWN, PARTY), (enemy, ENEMY, ENEMY_PARTY)):
            if value is not None:
                self.put(battle + HP, value)
                self.put(party + HP, value)

    def set_status(self, status: int) -> None:
        self.memory[OWN + STATUS] = self.memory[PARTY + STATUS] = status

    def add_twin(self) -> None:
        """Add a copy of the first creature to the party."""
        for address, size in ((PARTY, MON), (0xD273, 11), (0xD2B5, 11)):
            for i in range(size):
                self.memory[address + size + i] = self.memory[address + i]
        self.memory[0xD165], self.memory[0xD166], self.memory[0xD163] = self.memory[0xD164], 0xFF, 2

    @property
    def experience(self) -> int:
        return big_endian(self.memory[PARTY + EXPERIENCE : PARTY + EXPERIENCE + 3])

    def until(self, done: Callable[[], bool], button: str | None = "b") -> None:
        """Press ``button`` until ``done``."""
        for _ in range(MOST_ACTIONS):
            if done():
                return
            self.machine.act(button)
        pytest.fail(f"not done after {MOST_ACTIONS} actions; the screen:\n{self.screen.text()}")

    def until_shown(self, words: str) -> None:
        """Wait for a message without pressing anything."""
        for _ in range(600):
            if self.screen.shows(words):
                return
            self.machine.tick(1)
        pytest.fail(f"{words!r} did not appear; the screen:\n{self.screen.text()}")

    @property
    def in_menu(self) -> bool:
        return self.screen.shows("FIGHT") and self.screen.cursor is not None

    def choose(self, entry: int) -> None:
        """Go to the battle menu and pick an entry."""
        self.until(lambda: self.in_menu)
        self.machine.act("left" if entry % 2 == 0 else "right")
        self.machine.act("up" if entry < 2 else "down")
        assert self.now.menu_item == entry
        self.machine.act("a")

    def use_move(self, slot: int = 0) -> None:
        self.choose(FIGHT)
        for _ in range(slot):
            self.machine.act("down")
        self.machine.act("a")

    def end(self, entry: int = FIGHT) -> GameState:
        """Pick the same entry until the battle is over."""

        def turn() -> bool:
            if self.now.battle > 0 and self.in_menu:
                self.choose(entry)
            return self.now.battle <= 0

        self.until(turn, "a")
        return self.now


def formula(creature: Creature, ivs: tuple[int, int], effort: list[int], level: int) -> list[int]:
    """Max HP, attack, defence, speed and special of a creature: the first generation's formula."""
    values = [ivs[0] >> 4, ivs[0] & 15, ivs[1] >> 4, ivs[1] & 15]
    values.insert(0, sum((value & 1) << 3 - i for i, value in enumerate(values)))
    roots = [min(255, int(np.ceil(np.sqrt(points)))) for points in effort]
    parts = zip(creature.base, values, roots, strict=True)
    stats = [((base + iv) * 2 + root // 4) * level // 100 + 5 for base, iv, root in parts]
    return [stats[0] + level + 5, *stats[1:]]


def check_party(player: Player) -> None:
    """Check what must always be true of every creature in the party."""
    known = creatures()
    for i, mon in enumerate(player.now.party):
        at = PARTY + MON * i
        points = big_endian(player.memory[at + EXPERIENCE : at + EXPERIENCE + 3])
        assert mon.hp <= mon.max_hp
        assert mon.level**3 <= points < (mon.level + 1) ** 3
        assert mon.species in known
        assert all(not left or move for move, left in zip(mon.moves, mon.pp, strict=True))
