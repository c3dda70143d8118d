"""Masks: rules that take away an action which would do nothing, from the GameStates of a step alone.

A rule never takes away "a", and a direction only until another action was taken, so that no action that the
game needs is out of reach. What the rules know of the game: START and B do nothing in battle and on the map
respectively, and whatever else leaves a menu with START leaves it with another button too.
"""

from __future__ import annotations

from collections.abc import Callable

from envs.game_boy.emulator import BUTTONS
from envs.ram import GameState

NOTHING_PRESSED = -1
"""The action before the first one of an episode."""
START, B = 1 << BUTTONS.index("start"), 1 << BUTTONS.index("b")
FACING = {BUTTONS.index(name): code for name, code in (("down", 0), ("up", 4), ("left", 8), ("right", 12))}
"""Where the player faces after each action that is a direction, as GameState.facing."""
Rule = Callable[[GameState, int, GameState], int]
"""From the moment before, the action (its index) and the moment now to bits: bit n takes away action n."""


def in_a_menu(state: GameState) -> bool:
    """Whether a menu with a cursor is open."""
    return state.menu_depth > 0 or state.cursor >= 0


def _on_the_map(state: GameState) -> bool:
    return not (state.battle or in_a_menu(state) or state.walk_counter or state.joy_ignore)


def start(before: GameState, pressed: int, now: GameState) -> int:
    """Take away START in battle and while a menu is open."""
    return START if now.battle or in_a_menu(now) else 0


def wall(before: GameState, pressed: int, now: GameState) -> int:
    """Take away the direction that was just pressed and led nowhere, although the player faced there."""
    if FACING.get(pressed) != now.facing or before[:4] != now[:4]:  # map, place and facing
        return 0
    return 1 << pressed if _on_the_map(before) and _on_the_map(now) else 0


def b_outside_battle(before: GameState, pressed: int, now: GameState) -> int:
    """Take away B outside of battles and menus. Texts go on with A as well."""
    return 0 if now.battle or in_a_menu(now) else B


MASKS: dict[str, Rule] = {"start": start, "wall": wall, "b_outside_battle": b_outside_battle}
"""Every rule that a config can turn on, by its name in the section "mask"."""
LEDGER = "mask_"
"""Prefix of a rule's name among the counts of interventions."""
