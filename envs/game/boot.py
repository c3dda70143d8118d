"""From power-on to the first moment in which the player can walk, by watching memory alone: one script for
every game.
"""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

from PIL import Image

from envs.errors import UserError
from envs.game_boy.emulator import Emulator
from envs.ram import GameState, read_state

BEDROOM = 38  # map id of the place where a new game begins
MAX_FRAMES = 40_000  # eleven minutes of play
SETTLE_FRAMES = 24
# direction: facing when it was pressed, step on x, step on y
DIRECTIONS = {"down": (0, 0, 1), "up": (4, 0, -1), "left": (8, -1, 0), "right": (12, 1, 0)}


def _at_rest(emulator: Emulator) -> GameState | None:
    """The state, when the player stands still in the bedroom with no script running."""
    before = read_state(emulator.memory)
    if before.map_id != BEDROOM or before.joy_ignore or before.walk_counter:
        return None
    emulator.act(None, SETTLE_FRAMES)
    now = read_state(emulator.memory)
    return now if (now.map_id, now.x, now.y) == (before.map_id, before.x, before.y) else None


def _walks(emulator: Emulator, direction: str) -> bool:
    """Whether pressing ``direction`` takes the player exactly one step that way, and then lets it stand
    still.
    """
    before = _at_rest(emulator)
    if before is None:
        return False
    emulator.act(direction)
    now = _at_rest(emulator)
    facing, dx, dy = DIRECTIONS[direction]
    return now is not None and (now.facing, now.x, now.y) == (facing, before.x + dx, before.y + dy)


def has_control(emulator: Emulator) -> bool:
    """Whether the player can walk in the bedroom just now, found out by trying every direction twice.

    The first press may only turn the player; a menu that stands open is left with B before. During the talk
    of the
    opening the player does not even turn, which ends the trial quickly.
    """
    for button in ("b", "b", "down", "up"):
        emulator.act(button)
    if read_state(emulator.memory).facing != DIRECTIONS["up"][0]:
        return False
    return any(_walks(emulator, direction) for direction in DIRECTIONS for _ in range(2))


def boot_to_control(emulator: Emulator, picture: Path) -> None:
    """Play from power-on until the player can walk in the bedroom, pressing A and START in turn.

    Raises UserError when that has not happened after MAX_FRAMES frames; the last screen is then at
    ``picture`` (PNG).
    """
    for button in cycle(("a", "start")):
        if emulator.frame_count > MAX_FRAMES:
            break
        emulator.act(button)
        if _at_rest(emulator) is not None and has_control(emulator):
            return
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(emulator.screen_rgb()).save(picture)
    raise UserError(
        f"ROM {emulator.rom} ({emulator.title}): no control of the player after {MAX_FRAMES} frames of "
        f"pressing A and START; the last picture is {picture}"
    )
