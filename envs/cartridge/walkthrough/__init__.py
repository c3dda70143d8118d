"""A scripted player of the embedded cartridge: it reads memory and reacts, so that it gets there whatever
chance brings."""

from __future__ import annotations

from collections.abc import Callable

from envs.cartridge.walkthrough.gyms import JOURNEY
from envs.cartridge.walkthrough.pilot import WalkthroughError
from envs.cartridge.walkthrough.story import MILESTONES, new_player
from envs.emulator import Emulator
from envs.errors import UserError, known

__all__ = ["MILESTONES", "STORY", "WalkthroughError", "run_to"]

STORY = {**MILESTONES, **JOURNEY}
"""Milestones up to the first badge, then the journey's: name -> how it is reached from the one before."""


def run_to(emulator: Emulator, name: str, tell: Callable[[str, int], None] | None = None) -> int:
    """Play from the first moment of control in the bedroom to the milestone ``name``; returns the number of
    actions.

    ``tell`` is called with every milestone on the way and the actions so far. Raises UserError for a name
    that is no
    milestone, and WalkthroughError when the game does not get there.
    """
    if name not in STORY:
        raise UserError(f'milestone "{name}": there is none of that name; {known(name, STORY)}')
    player = new_player(emulator)
    for milestone, play in STORY.items():
        play(player)
        if tell is not None:
            tell(milestone, player.pilot.actions)
        if milestone == name:
            break
    return player.pilot.actions
