"""A scripted player of the embedded cartridge: it reads memory and reacts, so that it gets there whatever
chance brings."""

from __future__ import annotations

import re
from collections.abc import Callable

from envs.cartridge.walkthrough.gyms import JOURNEY
from envs.cartridge.walkthrough.pilot import WalkthroughError
from envs.cartridge.walkthrough.story import MILESTONES, Player, new_player
from envs.errors import UserError, known
from envs.game_boy.emulator import Emulator

__all__ = ["LAST", "MILESTONES", "STORY", "WalkthroughError", "run_to"]

STORY = {**MILESTONES, **JOURNEY}
"""Milestones up to the first badge, then the journey's: name -> how it is reached from the one before."""
LAST = "champion"
"""The end of the game."""


def run_to(emulator: Emulator, name: str, tell: Callable[[str, int], None] | None = None) -> int:
    """Play from the first moment of control in the bedroom to the milestone ``name``; returns the number of
    actions.

    ``tell`` is called with every milestone on the way and the actions so far. Raises UserError for a name
    that is no milestone, and WalkthroughError when the game does not get there or its memory does not say so.
    """
    if name not in STORY:
        raise UserError(f'milestone "{name}": there is none of that name; {known(name, STORY)}')
    player = new_player(emulator)
    for milestone, play in STORY.items():
        play(player)
        verify(player, milestone)
        if tell is not None:
            tell(milestone, player.pilot.actions)
        if milestone == name:
            break
    return player.pilot.actions


def verify(player: Player, milestone: str) -> None:
    """Raise WalkthroughError unless memory has the badge or the event that a milestone is named after."""
    state = player.pilot.state
    badge = re.fullmatch(r"badge([1-8])", milestone)
    if badge is not None:
        number = int(badge[1])
        true = bool(state.badges >> (number - 1) & 1) and player.event(f"BEAT_LEADER_{number}")
    else:
        true = milestone != LAST or player.event("BEAT_CHAMPION")
    if not true:
        raise WalkthroughError(f"{milestone}: not so in memory: {player.pilot.describe()}")
