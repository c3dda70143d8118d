"""Hands and eyes of the walkthrough: presses one button an action, reads memory, walks, talks, and never
trusts a press.

Everything is a loop of look, decide, press; so a changed random number, a person in the way or a lost battle
changes
the number of actions, not the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from envs.cartridge.walkthrough.atlas import STEPS, TREE, WATER, Place, atlas
from envs.cartridge.walkthrough.screen import Screen
from envs.cartridge.walkthrough.ways import Means, find_way
from envs.game_boy.emulator import Emulator
from envs.ram import GameState, read_state

FACINGS = {"down": 0, "up": 4, "left": 8, "right": 12}
MOST_ACTIONS = 60_000
"""Actions after which a walkthrough gives up."""
BLOCK_ACTIONS = 12
"""How long a step that could not be taken is walked round."""
WAIT_ACTIONS = 4
"""How long to wait when people bar every way."""
LONG_WAIT = 12
"""Actions without a box after which a script may want a button."""
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
        self.rolled: dict[tuple[int, int], tuple[int, int]] = {}
        """Boulders of this map that were pushed: where each lay, and where it lies."""
        self.rolled_on = -1

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

    @property
    def means(self) -> Means:
        """What bears on a walk: boulders lie as they did when their map is entered anew."""
        if self.rolled_on != self.state.map_id:
            self.rolled_on, self.rolled = self.state.map_id, {}
        lying = atlas().boulders(self.rolled_on)
        return Means(self.state, {self.rolled_on: {self.rolled.get(at, at) for at in lying}})

    def describe(self) -> str:
        """Where things stand, for an error's line."""
        team = ", ".join(f"level {mon.level} with {mon.hp} of {mon.max_hp} HP" for mon in self.state.party)
        return f"at {self.place}, battle {self.state.battle}, team: {team}; screen:\n{self.screen.text()}"

    def settle(self) -> None:
        """Fight and talk until the player is free to walk."""
        waited = 0
        for _ in range(MOST_PRESSES):
            waited += 1
            if self.state.battle > 0:
                self.fight(self)
                waited = 0
            elif self.screen.has_box:
                self.answer()
                waited = 0
            elif self.state.battle or self.state.joy_ignore or self.state.walk_counter:
                # A picture without any box, as at the end of the story, waits for a button.
                self.press("b" if waited % LONG_WAIT == 0 else None)
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
            path = find_way(atlas(), self.place, goals, self.means, barred)
            if path is None:
                if not barred:
                    raise WalkthroughError(f"no way to {sorted(goals, key=str)[0]}: {self.describe()}")
                self.make_room(barred)
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

    def make_room(self, barred: Collection[Place]) -> None:
        """Step aside: who stands in the way may have no other way out than where the player stands."""
        for direction, after in atlas().next_steps(self.place):
            if after.map == self.place.map and after not in barred and self.step(direction, after):
                return

    def step(self, direction: str, after: Place) -> bool:
        """Walk one step, asking for help where it takes some; false when the player does not stand at
        ``after`` in the end, or was stopped on the way."""
        start = self.place
        boulder = after.map == start.map and (after.x, after.y) in self.means.boulders[start.map]
        for _ in range(STUBBORN + 1 + boulder):
            self.press(direction)
            if self.state.map_id != start.map:
                self.press(None)  # a map that is entered may have something to say
            disturbed = self.state.battle != 0 or self.screen.has_box
            self.settle()
            if self.place == start and not disturbed and self.state.facing == FACINGS[direction]:
                self.ask_for(after, boulder)
            if self.place == after:
                if boulder:
                    self.has_rolled(after, direction)
                return not disturbed
            if self.place != start or disturbed:
                return False
        return False

    def ask_for(self, after: Place, boulder: bool) -> None:
        """Have what lies ahead cut, pushed or swum, if it is something of the kind."""
        if after.map == self.place.map and (boulder or atlas().attributes(after) & {TREE, WATER}):
            self.press("a")
            self.consent()

    def has_rolled(self, after: Place, direction: str) -> None:
        """Remember that the boulder at ``after`` lies one step further."""
        dx, dy = STEPS[direction]
        at = (after.x, after.y)
        lay = next((lay for lay, now in self.rolled.items() if now == at), at)
        self.rolled[lay] = (after.x + dx, after.y + dy)

    def consent(self) -> None:
        """Hear out what is said, and answer every question with YES."""
        self.yes = True
        try:
            self.settle()
        finally:
            self.yes = False

    def visit(self, map_name: str, x: int, y: int) -> None:
        """Walk to a step of a map."""
        self.go([Place(atlas().number(map_name), x, y)])

    def address(self, map_name: str, name: str) -> bool:
        """Walk up to a person or thing and speak to it; false when something came in between."""
        thing = atlas().person(map_name, name)
        return self.act_on(map_name, thing.x, thing.y)

    def act_on(self, map_name: str, x: int, y: int) -> bool:
        """Walk up to what is at (x, y) and press A; false when something came in between, or nothing
        happened."""
        spots = dict(atlas().beside(map_name, x, y))
        self.go(list(spots))
        if self.place not in spots or not self.turn(spots[self.place]):
            return False
        for _ in range(STUBBORN):
            self.press("a")
            if self.screen.has_box or self.state.battle:
                return True
        return False

    def talk(self, map_name: str, name: str, yes: bool = False) -> None:
        """Walk up to a person or thing, speak to it, and hear it out; questions are answered with ``yes``."""
        if self.address(map_name, name):
            if yes:
                self.consent()
            else:
                self.settle()

    def read(self, map_name: str, x: int, y: int) -> None:
        """Walk up to a sign, a lever or the like at (x, y), press A, and hear it out."""
        if self.act_on(map_name, x, y):
            self.settle()
