"""Scripted player of the embedded cartridge, which reads memory and reacts, whatever the random numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from envs.cartridge.walkthrough.gyms import JOURNEY
from envs.cartridge.walkthrough.pilot import WalkthroughError
from envs.cartridge.walkthrough.story import MILESTONES, Player, new_player
from envs.errors import UserError, known
from envs.game.milestones import LATER_MILESTONES, Milestone
from envs.game.milestones import MILESTONES as OF_THE_GAME
from envs.game_boy.emulator import Emulator

__all__ = ["LAST", "MILESTONES", "STORY", "WAYPOINTS", "WalkthroughError", "run_to"]

STORY = {**MILESTONES, **JOURNEY}
"""All milestones in order: name -> task that leads there from the previous one."""
LAST = "champion"
"""The end of the game."""
WAYPOINTS = (
    *("second town", "parcel", "field guide", "route 2", "forest", "third town"),
    *("first cave", "fourth town"),
)
"""Milestones of envs.game.milestones between those of the story, in the order in which they are passed."""


def run_to(
    emulator: Emulator,
    name: str,
    on_milestone: Callable[[str, int], None] | None = None,
    on_waypoint: Callable[[str], None] | None = None,
) -> int:
    """Play from the first moment of control in the bedroom to the milestone or waypoint ``name``.

    Returns the number of actions. ``on_milestone`` is called with every milestone of STORY on the way and the
    actions so far, ``on_waypoint`` with every one of WAYPOINTS, as soon as the player is free to walk there.
    Neither may change the game. Raises UserError for an unknown name, and WalkthroughError if the game does
    not get there or its memory does not confirm it.
    """
    if name not in STORY and name not in WAYPOINTS:
        raise UserError(f'milestone "{name}": no milestone of that name; {known(name, (*STORY, *WAYPOINTS))}')
    player = new_player(emulator)
    player.pilot.at_rest = _Watch(player, name, on_waypoint or (lambda _: None))
    with suppress(_Arrived):
        _play_to(player, name, on_milestone)
    return player.pilot.actions


class _Arrived(Exception):
    """The waypoint to play to was passed."""


class _Watch:
    """Calls ``passed`` with each waypoint, and raises _Arrived at the waypoint ``last``."""

    def __init__(self, player: Player, last: str, passed: Callable[[str], None]) -> None:
        self._player, self._last, self._passed = player, last, passed
        named: dict[str, Milestone] = {m.name: m for m in OF_THE_GAME + LATER_MILESTONES}
        self._ahead = [named[name] for name in WAYPOINTS]

    def __call__(self) -> None:
        while self._ahead and self._ahead[0].reached(self._player.pilot.state):
            waypoint = self._ahead.pop(0)
            self._passed(waypoint.name)
            if waypoint.name == self._last:
                raise _Arrived


def _play_to(player: Player, name: str, on_milestone: Callable[[str, int], None] | None) -> None:
    for milestone, play in STORY.items():
        play(player)
        verify(player, milestone)
        if on_milestone is not None:
            on_milestone(milestone, player.pilot.actions)
        if milestone == name:
            break


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
