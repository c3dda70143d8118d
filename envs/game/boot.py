"""From power-on to the first moment in which the player can walk, by watching memory alone: one script for
every game.

In the original, memory says "bedroom, standing still, no script runs" all through the professor's speech: a
new game prepares its first warp before it. What tells play from talk is the flag that lets play time count.
"""

from __future__ import annotations

from collections import deque
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from envs.errors import UserError
from envs.game_boy.emulator import Emulator
from envs.ram import W_CUR_MAP, GameState, read_state

BEDROOM = 38  # map id of the place where a new game begins
MAX_FRAMES = 40_000  # eleven minutes of play
SETTLE_FRAMES = 24
STRIP_PICTURES = 8  # how many pictures a failure keeps
# direction: facing when it was pressed, step on x, step on y
DIRECTIONS = {"down": (0, 0, 1), "up": (4, 0, -1), "left": (8, -1, 0), "right": (12, 1, 0)}

# What the boot alone reads; symbols of the public disassembly (pret/pokered).
W_STATUS_FLAGS_6, TIME_COUNTS = 0xD732, 0x01  # the flag is set when the first map is entered for good
# wTopMenuItemY, wTopMenuItemX, wCurrentMenuItem, wTileBehindCursor, wMaxMenuItem, wMenuWatchedKeys
MENU = slice(0xCC24, 0xCC2A)
ON_NEW_NAME = (2, 1, 0, 3, 0x01)  # MENU without the tile: four names, A alone leaves, the cursor on the first


class BootError(UserError):
    """The boot did not get there. ``strip`` is what the screen showed after the last actions, from left to
    right: uint8 (144, 160 n), 255 white."""

    def __init__(self, message: str, strip: NDArray[np.uint8]) -> None:
        super().__init__(message)
        self.strip = strip


def in_play(emulator: Emulator) -> bool:
    """Whether a game has begun: play time counts."""
    return bool(emulator.memory[W_STATUS_FLAGS_6] & TIME_COUNTS)


def _in_bedroom(emulator: Emulator) -> bool:
    return in_play(emulator) and emulator.memory[W_CUR_MAP] == BEDROOM


def _on_new_name(emulator: Emulator) -> bool:
    """Whether the menu of names shows, with the cursor on the entry that leads to the naming screen."""
    y, x, item, _, last, keys = emulator.memory[MENU]
    return (y, x, item, last, keys) == ON_NEW_NAME


def _at_rest(emulator: Emulator) -> GameState | None:
    """The state, when the player stands still in the bedroom with no script running."""
    before = read_state(emulator.memory)
    if not _in_bedroom(emulator) or before.joy_ignore or before.walk_counter:
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

    Presses nothing before a game has begun: B would delete what was typed on the naming screen. The first
    press may only turn the player; a box or a menu that stands open is left with B before.
    """
    if _at_rest(emulator) is None:
        return False
    for button in ("b", "b", "down", "up"):
        emulator.act(button)
    if read_state(emulator.memory).facing != DIRECTIONS["up"][0]:
        return False
    return any(_walks(emulator, direction) for direction in DIRECTIONS for _ in range(2))


def _press(emulator: Emulator, button: str) -> None:
    """One action on the way to the bedroom. A menu of names is led to a ready name first.

    ``button`` is A and START in turn, which leaves every screen of the opening: on the naming screen A types
    a letter and START submits it.
    """
    if _in_bedroom(emulator):
        button = "b"
    elif _on_new_name(emulator):
        emulator.act("down")
    emulator.act(button)


def boot_to_control(emulator: Emulator, picture: Path) -> None:
    """Play from power-on until the player can walk in the bedroom, pressing A and START in turn.

    Where names are asked for it takes a ready one. Raises BootError when the player has no control after
    MAX_FRAMES frames; the last screen is then at ``picture`` (PNG).
    """
    begin = emulator.frame_count
    seen: deque[NDArray[np.uint8]] = deque(maxlen=STRIP_PICTURES)
    for button in cycle(("a", "start")):
        _press(emulator, button)
        if has_control(emulator):
            return
        seen.append(emulator.screen())
        if emulator.frame_count - begin > MAX_FRAMES:
            break
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(seen[-1]).save(picture)
    raise BootError(
        f"ROM {emulator.rom} ({emulator.title}): no control of the player after {MAX_FRAMES} frames of "
        f"pressing A and START; the last picture is {picture}",
        np.hstack(seen),
    )
