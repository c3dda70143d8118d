"""Hands and eyes of the walkthrough: presses one button an action, reads memory, walks, talks, and never
trusts a press.

Everything is a loop of look, decide, press; so a changed random number, a person in the way or a lost battle
changes
the number of actions, not the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from envs.cartridge.walkthrough.atlas import Place, atlas
from envs.cartridge.walkthrough.screen import Screen
from envs.emulator import Emulator
from envs.ram import GameState, read_state

FACINGS = {"down": 0, "up": 4, "left": 8, "right": 12}
MOST_ACTIONS = 60_000
"""Actions after which a walkthrough gives up."""
BLOCK_ACTIONS = 12
WAIT_ACTIONS = 4
"""How long to wait when people bar every way."""
"""How long a step that could not be taken is walked round."""
STUBBORN = 2
"""Presses that may lead nowhere before a step counts as blocked."""
MOST_PRESSES = 400
"""Actions in which an open box or a script has to come to its end."""


class WalkthroughError(RuntimeError):
    """The walkthrough did not get where it wanted to."""


class Pilot:
    """A player with an emulator in hand. ``fight`` is called while a battle goes on."""

    def __init__(self, emulator: Emulator, fight: Callable[[Pilot], None]) -> None:
        self.emulator = emulator
        self.fight = fight
        self.actions = 0
        self.state = read_state(emulator.memory)
        self.yes = False
        """What a YES / NO box is answered with."""
        self.heard = ""
        """What the screen said when it was last answered."""
        self.enough: Callable[[], bool] = lambda: False
        """When to stop walking early: what the walk is for has happened."""

    def press(self, button: str | None) -> GameState:
        """One action of 24 frames with ``button`` held for 8, and the state after it."""
        if self.actions >= MOST_ACTIONS:
            raise WalkthroughError(f"no end after {MOST_ACTIONS} actions: {self.describe()}")
        self.emulator.act(button)
        self.actions += 1
        self.state = read_state(self.emulator.memory)
        return self.state

    @property
    def place(self) -> Place:
        """Where the player stands."""
        return Place(self.state.map_id, self.state.x, self.state.y)

    @property
    def screen(self) -> Screen:
        """What the tile map shows."""
        return Screen.read(self.emulator.memory)

    def describe(self) -> str:
        """Where things stand, for an error's line."""
        team = ", ".join(f"level {mon.level} with {mon.hp} of {mon.max_hp} HP" for mon in self.state.party)
        return f"at {self.place}, battle {self.state.battle}, team: {team}; screen:\n{self.screen.text()}"

    def settle(self) -> None:
        """Fight and talk until the player is free to walk."""
        for _ in range(MOST_PRESSES):
            if self.state.battle > 0:
                self.fight(self)
            elif self.screen.has_box:
                self.answer()
            elif self.state.battle or self.state.joy_ignore or self.state.walk_counter:
                self.press(None)
            else:
                return
        raise WalkthroughError(f"no end of talk: {self.describe()}")

    def answer(self) -> None:
        """One press for an open box: B reads on and says no; A is for a YES that is wanted.

        While a YES is wanted and text is still being written, wait: a B that hurries it may last until the
        question and answer it with NO.
        """
        screen = self.screen
        if self.yes and screen.cursor is not None and screen.shows("YES"):
            self.press("a")
        elif self.yes and screen.text() != self.heard:
            self.press(None)
        else:
            self.press("b")
        self.heard = screen.text()

    def point(self, row: int) -> bool:
        """Move the cursor that is on the screen to ``row``; false when there is none or it will not go
        there."""
        for _ in range(MOST_PRESSES // 10):
            cursor = self.screen.cursor
            if cursor is None:
                return False
            if cursor[1] == row:
                return True
            self.press("down" if cursor[1] < row else "up")
        return False

    def turn(self, direction: str) -> bool:
        """Face ``direction``, where something stands that stops a step; false when the player walked or was
        stopped."""
        start = self.place
        for _ in range(3):
            if self.state.facing == FACINGS[direction]:
                return True
            self.press(direction)
            self.settle()
            if self.place != start:
                return False
        return self.state.facing == FACINGS[direction]

    def go(self, goals: Collection[Place]) -> None:
        """Walk to any of ``goals``, by a new way whenever something gets in between, or stop when it is
        ``enough``.

        Raises WalkthroughError when there is no way.
        """
        blocked: dict[Place, int] = {}
        self.settle()
        while self.place not in goals and not self.enough():
            barred = {place for place, since in blocked.items() if self.actions - since < BLOCK_ACTIONS}
            path = atlas().path(self.place, goals, barred, self.state.has_event)
            if path is None:
                if not barred:
                    raise WalkthroughError(f"no way to {sorted(goals, key=str)[0]}: {self.describe()}")
                for _ in range(WAIT_ACTIONS):
                    self.press(None)
                continue
            for direction, after in path:
                if not self.step(direction, after):
                    if self.place != after:
                        blocked[after] = self.actions
                    break
                if self.enough():
                    return

    def step(self, direction: str, after: Place) -> bool:
        """Walk one step; false when the player does not stand at ``after`` in the end, or was stopped on the
        way."""
        start = self.place
        for _ in range(STUBBORN + 1):
            self.press(direction)
            if self.state.map_id != start.map:
                self.press(None)  # a map that is entered may have something to say
            disturbed = self.state.battle != 0 or self.screen.has_box
            self.settle()
            if self.place == after:
                return not disturbed
            if self.place != start or disturbed:
                return False
        return False

    def visit(self, map_name: str, x: int, y: int) -> None:
        """Walk to a step of a map."""
        self.go([Place(atlas().number(map_name), x, y)])

    def talk(self, map_name: str, name: str, yes: bool = False) -> None:
        """Walk up to a person or thing, speak to it, and hear it out; questions are answered with ``yes``."""
        thing = atlas().person(map_name, name)
        spots = dict(atlas().beside(map_name, thing.x, thing.y))
        self.go(list(spots))
        if self.place not in spots or not self.turn(spots[self.place]):
            return
        for _ in range(STUBBORN):
            self.press("a")
            if self.screen.has_box or self.state.battle:
                break
        self.yes = yes
        try:
            self.settle()
        finally:
            self.yes = False
