"""Scripted player of the embedded cartridge, which reads memory and reacts, whatever the random numbers."""

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
"""All milestones in order: name -> task that leads there from the previous one."""
LAST = "champion"
"""The end of the game."""


def run_to(emulator: Emulator, name: str, on_milestone: Callable[[str, int], None] | None = None) -> int:
    """Play from the first moment of control in the bedroom to the milestone ``name``.

    Returns the number of actions. ``on_milestone`` is called with every milestone on the way and the actions
    so far. Raises UserError for an unknown milestone, and WalkthroughError if the game does not get there or
    its memory does not confirm it.
    """
    if name not in STORY:
        raise UserError(f'milestone "{name}": no milestone of that name; {known(name, STORY)}')
    player = new_player(emulator)
    for milestone, play in STORY.items():
        play(player)
        verify(player, milestone)
        if on_milestone is not None:
            on_milestone(milestone, player.pilot.actions)
        if milestone == name:
            break
    return player.pilot.actions


def verify(player: Player, milestone: str) -> None:
    """Raise WalkthroughError unless memory has the badge or event of a milestone."""
    state = player.pilot.state
    badge = re.fullmatch(r"badge([1-8])", milestone)
    if badge is not None:
        number = int(badge[1])
        true = bool(state.badges >> (number - 1) & 1) and player.event(f"BEAT_LEADER_{number}")
    else:
        true = milestone != LAST or player.event("BEAT_CHAMPION")
    if not true:
        raise WalkthroughError(f"{milestone}: not confirmed by memory: {player.pilot.describe()}")
