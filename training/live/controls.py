"""Controls of live play: pause, single step, speed, and whose turn it is."""

from __future__ import annotations

from envs.game_boy.held_buttons import HeldButtons

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 0.0)
"""Speeds relative to the real machine; 0: as fast as the machine computes."""
REAL = SPEEDS.index(1.0)


class Controls:
    """The state of the controls.

    ``buttons`` are those that the person holds; they press only while ``by_hand``.
    """

    def __init__(self, buttons: HeldButtons) -> None:
        self.buttons = buttons
        self.by_hand = False
        self.paused = False
        self._at = REAL
        self._steps = 0  # single steps that are due

    @property
    def speed(self) -> float:
        """One of SPEEDS."""
        return SPEEDS[self._at]

    def toggle_pause(self) -> str:
        """Pause or go on; returns what happened."""
        self.paused, self._steps = not self.paused, 0
        return "paused" if self.paused else "going on"

    def single_step(self) -> str:
        """Play one action and pause after it; returns what happened."""
        if self.paused:
            self._steps += 1
        self.paused = True
        return "one action"

    def change_speed(self, by: int) -> str:
        """Go ``by`` places further in SPEEDS; returns what happened."""
        self._at = min(max(self._at + by, 0), len(SPEEDS) - 1)
        return f"speed {self.describe_speed()}"

    def toggle_full_speed(self) -> str:
        """Go to unlimited speed, or from there to the real machine's; returns what happened."""
        return self.change_speed(REAL - self._at if self.speed == 0 else len(SPEEDS))

    def toggle_hand(self) -> str:
        """Take over or give back; returns what happened."""
        self.by_hand = not self.by_hand
        self.buttons.clear()
        return "you play" if self.by_hand else "the policy plays"

    def describe_speed(self) -> str:
        """``0.25x``, ``2x`` or ``unlimited``."""
        return f"{self.speed:g}x" if self.speed else "unlimited"

    def may_act(self) -> bool:
        """Whether the next action is to be played now; counts a single step."""
        if not self.paused:
            return True
        if self._steps:
            self._steps -= 1
            return True
        return False
