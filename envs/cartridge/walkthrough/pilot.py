"""Pilot of the scripted player: presses one button per action, reads memory, walks and talks.

Everything is a loop of reading, deciding and pressing, and no press is assumed to work. Other random numbers,
a person in the way or a lost battle thus change the number of actions, not the outcome.
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
"""Actions for which a step that could not be taken is avoided."""
WAIT_ACTIONS = 4
"""Actions to wait when people block every way."""
LONG_WAIT = 12
"""Actions without a box after which a script may expect a button."""
STUBBORN = 2
"""Presses without effect before a step counts as blocked."""
MOST_PRESSES = 400
"""Actions within which an open box or a script has to end."""


class WalkthroughError(RuntimeError):
    """The walkthrough did not reach its goal."""


class Pilot:
    """Walks and talks in an emulator; ``fight`` is called during battles."""

    def __init__(self, emulator: Emulator, fight: Callable[[Pilot], None]) -> None:
        self.emulator = emulator
        self.fight = fight
        self.actions = 0
        self.state = read_state(emulator.memory)
        self.yes = False
        """Whether YES / NO boxes are answered with YES."""
        self.answered = ""
        """Text on the screen at the last answer."""
        self.enough: Callable[[], bool] = lambda: False
        """Whether to stop walking early, because the purpose of the walk is achieved."""
        self.at_rest: Callable[[], None] = lambda: None
        """Called whenever the player is free to walk; it must not press anything."""
        self.rolled: dict[tuple[int, int], tuple[int, int]] = {}
        """Boulders pushed on this map: original position -> present position."""
        self.rolled_on = -1

    def press(self, button: str | None) -> GameState:
        """Perform an action of 24 frames with ``button`` held for 8; return the state after it."""
        if self.actions >= MOST_ACTIONS:
            raise WalkthroughError(f"no end after {MOST_ACTIONS} actions: {self.describe()}")
        self.emulator.act(button)
        self.actions += 1
        self.state = read_state(self.emulator.memory)
        return self.state

    @property
    def place(self) -> Place:
        """The player's position."""
        return Place(self.state.map_id, self.state.x, self.state.y)

    @property
    def screen(self) -> Screen:
        """The current tile map."""
        return Screen.read(self.emulator.memory)

    @property
    def means(self) -> Means:
        """Conditions of a walk; boulders return to their places when their map is entered again."""
        if self.rolled_on != self.state.map_id:
            self.rolled_on, self.rolled = self.state.map_id, {}
        lying = atlas().boulders(self.rolled_on)
        return Means(self.state, {self.rolled_on: {self.rolled.get(at, at) for at in lying}})

    def describe(self) -> str:
        """Return position, battle, team and screen, for error messages."""
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
                # A picture without a box, as at the end of the story, waits for a button.
                self.press("b" if waited % LONG_WAIT == 0 else None)
            else:
                self.at_rest()
                return
        raise WalkthroughError(f"no end of talk: {self.describe()}")

    def answer(self) -> None:
        """Press one button for an open box: B continues and says NO, A says YES if that is wanted.

        If YES is wanted and text is still being printed, wait: a B held to speed it up might last until the
        question and answer it with NO.
        """
        screen = self.screen
        if self.yes and screen.cursor is not None and screen.shows("YES"):
            self.press("a")
        elif self.yes and screen.text() != self.answered:
            self.press(None)
        else:
            self.press("b")
        self.answered = screen.text()

    def point(self, row: int) -> bool:
        """Move the cursor on the screen to ``row``; False if there is none or it does not get there."""
        for _ in range(MOST_PRESSES // 10):
            cursor = self.screen.cursor
            if cursor is None:
                return False
            if cursor[1] == row:
                return True
            self.press("down" if cursor[1] < row else "up")
        return False

    def turn(self, direction: str) -> bool:
        """Face ``direction``, where something blocks a step; False if the player moved or was interrupted."""
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
        """Walk to any of ``goals``, finding a new way whenever interrupted, or stop when ``enough``.

        Raises WalkthroughError if there is no way.
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
        """Step aside: a person in the way may have no other way out than the player's step."""
        for direction, after in atlas().next_steps(self.place):
            if after.map == self.place.map and after not in barred and self.step(direction, after):
                return

    def step(self, direction: str, after: Place) -> bool:
        """Walk one step to ``after``, using a field move if needed; False if it failed or was interrupted."""
        start = self.place
        boulder = after.map == start.map and (after.x, after.y) in self.means.boulders[start.map]
        for _ in range(STUBBORN + 1 + boulder):
            self.press(direction)
            if self.state.map_id != start.map:
                self.press(None)  # entering a map may run a script
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
        """Use the field move for a tree, water or a boulder ahead, if there is one."""
        if after.map == self.place.map and (boulder or atlas().attributes(after) & {TREE, WATER}):
            self.press("a")
            self.consent()

    def has_rolled(self, after: Place, direction: str) -> None:
        """Record that the boulder at ``after`` moved one step further."""
        dx, dy = STEPS[direction]
        at = (after.x, after.y)
        lay = next((lay for lay, now in self.rolled.items() if now == at), at)
        self.rolled[lay] = (after.x + dx, after.y + dy)

    def consent(self) -> None:
        """Read everything that is said, and answer every question with YES."""
        self.yes = True
        try:
            self.settle()
        finally:
            self.yes = False

    def visit(self, map_name: str, x: int, y: int) -> None:
        """Walk to a step of a map."""
        self.go([Place(atlas().number(map_name), x, y)])

    def address(self, map_name: str, name: str) -> bool:
        """Walk up to a person or thing and speak to it; False if interrupted."""
        thing = atlas().person(map_name, name)
        return self.act_on(map_name, thing.x, thing.y)

    def act_on(self, map_name: str, x: int, y: int) -> bool:
        """Walk up to what is at (x, y) and press A; False if interrupted or if nothing happened."""
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
        """Walk up to a person or thing and talk to the end; with ``yes``, answer questions with YES."""
        if self.address(map_name, name):
            if yes:
                self.consent()
            else:
                self.settle()

    def read(self, map_name: str, x: int, y: int) -> None:
        """Walk up to a sign or lever at (x, y), press A, and read to the end."""
        if self.act_on(map_name, x, y):
            self.settle()
