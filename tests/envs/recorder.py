"""An emulator that records the memory after every action, for tests of its consistency over time."""

from __future__ import annotations

from dataclasses import dataclass

from envs.game_boy.emulator import Emulator
from envs.ram import GameState, read_state

W_RAM = 0xC000


@dataclass(frozen=True, slots=True)
class Moment:
    """Work RAM at one moment of the play, and the state read from it."""

    frame: int
    ram: bytes
    state: GameState

    def byte(self, address: int) -> int:
        return self.ram[address - W_RAM]

    def bytes(self, address: int, size: int) -> bytes:
        return self.ram[address - W_RAM : address - W_RAM + size]


class Recorder(Emulator):
    """An emulator that records the moment after every action."""

    moments: list[Moment]

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        super().act(button, frames, held)
        self.moments.append(
            Moment(self.frame_count, bytes(self.memory[0xC000:0xE000]), read_state(self.memory))
        )
