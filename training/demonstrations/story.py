"""The scripted player of the embedded cartridge on the story that follows a start state."""

from __future__ import annotations

from envs.cartridge.walkthrough import STORY, WalkthroughError
from envs.cartridge.walkthrough.story import new_player
from envs.game.catalog import EMBEDDED_ROM, WALKED_STARTS, Game, identify
from envs.game_boy.emulator import Emulator


def knows(game: Game) -> bool:
    """Whether the scripted player can play the cartridge."""
    return game.sha1 == identify(EMBEDDED_ROM).sha1


def story_after(start: str) -> list[str]:
    """Return the milestones of the story that come after a start state; all of them for an unknown one."""
    names = list(STORY)
    if start not in WALKED_STARTS:
        return names
    before = WALKED_STARTS[: WALKED_STARTS.index(start) + 1]
    passed = [number for number, name in enumerate(names) if name in before]
    return names[passed[-1] + 1 :] if passed else names


def play_story(emulator: Emulator, start: str) -> str | None:
    """Play what is left of the story after the start state ``start``.

    Returns None at its end, or why the player cannot go on.
    """
    try:
        player = new_player(emulator)
        for name in story_after(start):
            STORY[name](player)
    except WalkthroughError as error:
        return str(error).split("\n", 1)[0]
    return None
