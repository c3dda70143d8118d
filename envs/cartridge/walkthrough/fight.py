"""Battles of the scripted player.

It uses the strongest move, runs from wild battles that are not worth it, uses potions when HP are low, and
learns better moves in place of worse ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from envs.cartridge.walkthrough.bag import least_useful, needed, point_in_bag
from envs.cartridge.walkthrough.lore import healing, mends, move_names, species_names, usefulness_among, worth
from envs.cartridge.walkthrough.pilot import Pilot
from envs.cartridge.walkthrough.screen import Screen
from envs.ram import GameState, PartyMon

WEARY = 0.35
"""Share of HP below which the player runs from a wild battle."""
HURT = 0.35
"""Share of HP below which a potion is used in a trainer battle."""
NEARLY_BEATEN = 5
"""No potion is used against an enemy with less than 1/NEARLY_BEATEN of its HP."""
MARGIN = 1.2
"""A potion is also used if MARGIN times the worst hit so far would be fatal."""
WORTH_IT = 0.7
"""No potion is used above this share of HP."""
ABOUT = 0.8
"""A move with at least this share of the best one's expected damage counts as equally strong."""
FIGHT, BAG, RUN = 0, 1, 3
"""Entries of the battle menu (wCurrentMenuItem): FIGHT BAG above, TEAM RUN below."""
MOVES_COLUMN, MOVES_ROW = 1, 13
FORGET_COLUMN, FORGET_ROWS = 5, range(7, 11)
"""Cursor positions in the list of moves of which one can be forgotten for a new one."""
OFFER = re.compile(r"([A-Z ]+?) could +learn ([A-Z ]+)")
WILD = 1


class Fighter:
    """Makes one decision per call. Wild creatures are fought until the lead has level ``enough``."""

    def __init__(self) -> None:
        self.enough = 100
        self.offer: tuple[str, str] | None = None
        """The creature that could learn a move, and the move, as last shown on the screen."""
        self.worst = 0
        """Largest loss of HP in a turn against the current enemy."""
        self.seen: tuple[int, int, int] = (0, 0, 0)
        """Species and level of the current enemy, and own HP, when the battle menu was last open."""

    def __call__(self, pilot: Pilot) -> None:
        """Press one or two buttons in the open menu."""
        screen = pilot.screen
        if screen.shows("FIGHT") and screen.shows("RUN"):
            self.watch(pilot.state)
            self.choose(pilot)
        elif screen.shows("Use what?"):
            self.pick_potion(pilot)
        elif screen.shows("Use on which") or screen.shows("Who goes on"):
            self.pick_mon(pilot)
        elif self.is_move_list(screen):
            self.pick_move(pilot)
        elif self.is_forget_list(screen):
            self.learn(pilot)
        else:
            self.listen(screen)
            pilot.press("b")

    @staticmethod
    def is_move_list(screen: Screen) -> bool:
        """Whether the list of moves is open: the cursor is at the left of the bottom box."""
        cursor = screen.cursor
        return cursor is not None and cursor[0] == MOVES_COLUMN and cursor[1] >= MOVES_ROW

    @staticmethod
    def is_forget_list(screen: Screen) -> bool:
        """Whether the list of moves to forget is open."""
        cursor = screen.cursor
        return cursor is not None and cursor[0] == FORGET_COLUMN and cursor[1] in FORGET_ROWS

    def listen(self, screen: Screen) -> None:
        """Record which creature could learn which move."""
        found = OFFER.search(" ".join(screen.text().split("\n")))
        if found is not None:
            self.offer = found[1].strip(), found[2].strip()

    def learn(self, pilot: Pilot) -> None:
        """Replace the least useful move by the new one, if that is better."""
        mon, move = self.offered(pilot.state)
        kept = needed(pilot.state)
        slot = least_useful(mon, kept)
        better = usefulness_among(move, mon.moves, mon.species) > usefulness_among(
            mon.moves[slot], (*mon.moves, move), mon.species
        )
        if better and mon.moves[slot] not in kept and pilot.point(FORGET_ROWS[slot]):
            pilot.press("a")
        else:
            pilot.press("b")

    def offered(self, state: GameState) -> tuple[PartyMon, int]:
        """Return the creature that could learn a move, and the move (0 if unknown)."""
        name, move = self.offer or ("", "")
        species = species_names().get(name)
        mon = next((mon for mon in state.party if mon.species == species), state.party[0])
        return mon, move_names().get(move, 0)

    def watch(self, state: GameState) -> None:
        """Update the worst hit of the current enemy."""
        species, level, hp = self.seen
        if (species, level) != (state.enemy_species, state.enemy_level):
            self.worst = 0
        else:
            self.worst = max(self.worst, hp - state.own_hp)
        self.seen = (state.enemy_species, state.enemy_level, state.own_hp)

    def choose(self, pilot: Pilot) -> None:
        """Choose FIGHT, RUN or BAG."""
        entry, at = FIGHT, pilot.state.menu_item
        if pilot.state.battle == WILD and self.wants_away(pilot.state):
            entry = RUN
        elif self.mend_slot(pilot.state) is None and self.wants_potion(pilot.state):
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

    def hurt(self, state: GameState) -> bool:
        """Whether HP are low and the enemy is not nearly beaten."""
        low = max(HURT * state.own_max_hp, min(MARGIN * self.worst, WORTH_IT * state.own_max_hp))
        return state.own_hp < low and state.enemy_hp > state.enemy_max_hp // NEARLY_BEATEN

    def wants_potion(self, state: GameState) -> bool:
        """Whether a potion is needed and available."""
        return self.hurt(state) and self.potion_row(state) is not None

    def mend_slot(self, state: GameState) -> int | None:
        """Return the move that restores HP, if HP are low and it restores more than the enemy takes."""
        half = state.own_max_hp // 2
        if state.own_hp > half or self.worst >= min(half, state.own_hp):
            return None
        mon = fighting(state)
        slots = (
            i for i, (move, left) in enumerate(zip(mon.moves, mon.pp, strict=True)) if left and mends(move)
        )
        return next(slots, None)

    def potion_row(self, state: GameState) -> int | None:
        """Return the bag's row of the smallest potion that heals nearly all, else of the largest.

        None if no potion restores more than the enemy takes.
        """
        missing = state.own_max_hp - state.own_hp
        held = [
            (healing()[item], row)
            for row, (item, _) in enumerate(state.bag)
            if healing().get(item, 0) > self.worst
        ]
        enough = [potion for potion in held if potion[0] >= missing * 3 // 4]
        return min(enough)[1] if enough else max(held)[1] if held else None

    def pick_potion(self, pilot: Pilot) -> None:
        """In the bag, choose the potion or go back."""
        row = self.potion_row(pilot.state)
        if row is None or not self.hurt(pilot.state) or not point_in_bag(pilot, row):
            pilot.press("b")
            return
        pilot.press("a")

    @staticmethod
    def pick_mon(pilot: Pilot) -> None:
        """In the team, choose the first creature that can still fight."""
        fit = [i for i, mon in enumerate(pilot.state.party) if mon.hp]
        if fit and pilot.point(2 * fit[0]):
            pilot.press("a")
        else:
            pilot.press("b")

    def pick_move(self, pilot: Pilot) -> None:
        """Choose the move that restores HP if needed, else the best usable move."""
        mon = fighting(pilot.state)
        slot = self.mend_slot(pilot.state)
        if slot is None:
            slot = best_move(mon, pilot.state.enemy_species, mon.pp)
        if pilot.point(MOVES_ROW + slot):
            pilot.press("a")


def fighting(state: GameState) -> PartyMon:
    """Return the team's creature that is fighting."""
    return next(
        (mon for mon in state.party if mon.hp == state.own_hp and mon.level == state.own_level),
        state.party[0],
    )


def best_move(mon: PartyMon, foe: int, points: Sequence[int]) -> int:
    """Return the index of the best usable move against species ``foe``.

    Among moves of about the same strength, it is the one with the most power points left.
    """
    values = [
        worth(move, mon.species, foe) if left else -1.0 for move, left in zip(mon.moves, points, strict=True)
    ]
    enough = ABOUT * max(values)
    return max(range(len(values)), key=lambda i: (values[i] >= enough, points[i] if enough > 0 else 0))
