"""How the walkthrough plays a battle: the strongest move; away from wild ones that teach nothing; a potion
in need."""

from __future__ import annotations

from collections.abc import Sequence

from envs.cartridge.walkthrough.lore import worth
from envs.cartridge.walkthrough.pilot import Pilot
from envs.cartridge.walkthrough.screen import Screen
from envs.ram import GameState, PartyMon

POTIONS = (20, 19)
"""Items that heal, the cheap one first."""
WEARY = 0.35
"""Share of HP below which a wild battle is run from."""
HURT = 0.35
"""Share of HP below which a potion is taken in a trainer's battle."""
FIGHT, BAG, RUN = 0, 1, 3
"""Entries of the battle menu (wCurrentMenuItem): FIGHT BAG above, TEAM RUN below."""
MOVES_COLUMN, MOVES_ROW = 1, 13
WILD = 1


class Fighter:
    """Plays one turn whenever it is called. Wild creatures are fought until the lead has level ``enough``."""

    def __init__(self) -> None:
        self.enough = 100

    def __call__(self, pilot: Pilot) -> None:
        """One decision: a button or two in the menu that is open."""
        screen = pilot.screen
        if screen.shows("FIGHT") and screen.shows("RUN"):
            self.choose(pilot)
        elif screen.shows("Use what?"):
            self.pick_potion(pilot)
        elif screen.shows("Use on which") or screen.shows("Who goes on"):
            self.pick_mon(pilot)
        elif self.is_move_list(screen):
            self.pick_move(pilot)
        else:
            pilot.press("b")

    @staticmethod
    def is_move_list(screen: Screen) -> bool:
        """Whether the moves are offered: the cursor stands at the left of the bottom box."""
        cursor = screen.cursor
        return cursor is not None and cursor[0] == MOVES_COLUMN and cursor[1] >= MOVES_ROW

    def choose(self, pilot: Pilot) -> None:
        """FIGHT, RUN or BAG."""
        entry, at = FIGHT, pilot.state.menu_item
        if pilot.state.battle == WILD and self.wants_away(pilot.state):
            entry = RUN
        elif self.potion_row(pilot.state) is not None and self.hurt(pilot.state):
            entry = BAG
        if (at ^ entry) & 1:
            pilot.press("left" if at & 1 else "right")
        elif at != entry:
            pilot.press("up" if at & 2 else "down")
        else:
            pilot.press("a")

    def wants_away(self, state: GameState) -> bool:
        """Whether a wild battle is not worth fighting."""
        lead = state.party[0]
        return lead.level >= self.enough or state.own_hp < WEARY * state.own_max_hp

    @staticmethod
    def hurt(state: GameState) -> bool:
        """Whether a potion is due: little HP, and an enemy that is not nearly beaten."""
        return state.own_hp < HURT * state.own_max_hp and state.enemy_hp > state.enemy_max_hp // 5

    @staticmethod
    def potion_row(state: GameState) -> int | None:
        """Row of a potion in the bag's list."""
        return next((row for row, (item, _) in enumerate(state.bag[:10]) if item in POTIONS), None)

    def pick_potion(self, pilot: Pilot) -> None:
        """In the bag: the potion, or back."""
        row = self.potion_row(pilot.state)
        if row is None or not self.hurt(pilot.state) or not pilot.point(row):
            pilot.press("b")
            return
        pilot.press("a")

    @staticmethod
    def pick_mon(pilot: Pilot) -> None:
        """In the team: the one that fights, or the first that still can."""
        fit = [i for i, mon in enumerate(pilot.state.party) if mon.hp]
        if fit and pilot.point(2 * fit[0]):
            pilot.press("a")
        else:
            pilot.press("b")

    @staticmethod
    def pick_move(pilot: Pilot) -> None:
        """The move with the highest expected damage that has power points left."""
        state = pilot.state
        mon = next(
            (mon for mon in state.party if mon.hp == state.own_hp and mon.level == state.own_level),
            state.party[0],
        )
        if pilot.point(MOVES_ROW + best_move(mon, state.enemy_species, mon.pp)):
            pilot.press("a")


def best_move(mon: PartyMon, foe: int, points: Sequence[int]) -> int:
    """Index of the strongest move against species ``foe`` that can still be used."""
    values = [
        worth(move, mon.species, foe) if left else -1.0 for move, left in zip(mon.moves, points, strict=True)
    ]
    return values.index(max(values))
