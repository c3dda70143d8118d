"""An emulator through which a script acts in an environment: every action is a step of an episode."""

from __future__ import annotations

from collections.abc import Callable

from envs.cartridge.walkthrough.screen import Screen
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.game_boy.memory import Memory

WAIT_IN_A_BOX, WAIT = "left", "b"
"""Buttons in place of waiting, which agents cannot. Boxes ignore LEFT: texts are answered by A and B, lists
by those, UP and DOWN, and a number of things to buy does not fall below one. Without a
box, B does nothing."""


def waiting_button(memory: Memory) -> str:
    """Return the button of an agent that changes nothing in the present moment."""
    return WAIT_IN_A_BOX if Screen.read(memory).has_box else WAIT


class SteppedEmulator(Emulator):
    """An emulator that passes every action of a script on to ``step``, as an index of BUTTONS.

    ``step`` must play it with this emulator, as a step of an environment does. While it is None, actions are
    played as in any other emulator.
    """

    step: Callable[[int], None] | None = None
    _inside = False

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        """Emulator.act, or a step of the environment. Waiting (None) becomes a button without effect."""
        if self.step is None or self._inside:
            super().act(button, frames, held)
            return
        index = BUTTONS.index(waiting_button(self.memory) if button is None else button)
        self._inside = True
        try:
            self.step(index)
        finally:
            self._inside = False
