"""Boot script from power-on until the player can walk. It only watches memory and works for every game.

In the original, memory says "bedroom, standing still, no script runs" throughout the professor's speech,
because a new game prepares its first warp before it. The flag that makes play time count tells them apart.
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

BEDROOM = 38  # map id of the place where a new game starts
MAX_FRAMES = 40_000  # eleven minutes of play
SETTLE_FRAMES = 24
STRIP_PICTURES = 8  # pictures kept of a failed boot
# direction: facing after pressing it, step in x, step in y
DIRECTIONS = {"down": (0, 0, 1), "up": (4, 0, -1), "left": (8, -1, 0), "right": (12, 1, 0)}

# Addresses that only the boot reads; symbols of the public disassembly (pret/pokered).
W_STATUS_FLAGS_6, TIME_COUNTS = 0xD732, 0x01  # the flag is set when the game enters its first map
# wTopMenuItemY, wTopMenuItemX, wCurrentMenuItem, wTileBehindCursor, wMaxMenuItem, wMenuWatchedKeys
MENU = slice(0xCC24, 0xCC2A)
ON_NEW_NAME = (2, 1, 0, 3, 0x01)  # MENU without the tile: four names, only A leaves, cursor on the first


class BootError(UserError):
    """The boot did not reach control of the player.

    ``strip`` holds the screens after the last actions from left to right: uint8 (144, 160 n), 255 is white.
    """

    def __init__(self, message: str, strip: NDArray[np.uint8]) -> None:
        super().__init__(message)
        self.strip = strip


def in_play(emulator: Emulator) -> bool:
    """Whether a game has started: play time counts."""
    return bool(emulator.memory[W_STATUS_FLAGS_6] & TIME_COUNTS)


def _in_bedroom(emulator: Emulator) -> bool:
    return in_play(emulator) and emulator.memory[W_CUR_MAP] == BEDROOM


def _on_new_name(emulator: Emulator) -> bool:
    """Whether the menu of names is open with the cursor on the entry that opens the naming screen."""
    y, x, item, _, last, keys = emulator.memory[MENU]
    return (y, x, item, last, keys) == ON_NEW_NAME


def _at_rest(emulator: Emulator) -> GameState | None:
    """Return the state if the player stands still in the bedroom and no script runs, else None."""
    before = read_state(emulator.memory)
    if not _in_bedroom(emulator) or before.joy_ignore or before.walk_counter:
        return None
    emulator.act(None, SETTLE_FRAMES)
    now = read_state(emulator.memory)
    return now if (now.map_id, now.x, now.y) == (before.map_id, before.x, before.y) else None


def _walks(emulator: Emulator, direction: str) -> bool:
    """Whether pressing ``direction`` moves the player exactly one step that way and then stops."""
    before = _at_rest(emulator)
    if before is None:
        return False
    emulator.act(direction)
    now = _at_rest(emulator)
    facing, dx, dy = DIRECTIONS[direction]
    return now is not None and (now.facing, now.x, now.y) == (facing, before.x + dx, before.y + dy)


def has_control(emulator: Emulator) -> bool:
    """Whether the player can walk in the bedroom now, tested by trying every direction twice.

    Presses nothing before a game has started: B would delete text on the naming screen. An open box or menu
    is first closed with B. The first press of a direction may only turn the player.
    """
    if _at_rest(emulator) is None:
        return False
    for button in ("b", "b", "down", "up"):
        emulator.act(button)
    if read_state(emulator.memory).facing != DIRECTIONS["up"][0]:
        return False
    return any(_walks(emulator, direction) for direction in DIRECTIONS for _ in range(2))


def _press(emulator: Emulator, button: str) -> None:
    """Do one action on the way to the bedroom. In a menu of names, move to a preset name first.

    ``button`` alternates between A and START, which gets past every screen of the opening: on the naming
    screen A types a letter and START submits it.
    """
    if _in_bedroom(emulator):
        button = "b"
    elif _on_new_name(emulator):
        emulator.act("down")
    emulator.act(button)


def boot_to_control(emulator: Emulator, picture: Path) -> None:
    """Play from power-on until the player can walk in the bedroom, pressing A and START alternately.

    It chooses preset names. Raises BootError when the player has no control after MAX_FRAMES frames; the last
    screen is then saved as ``picture`` (PNG).
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
        f"pressing A and START; the last screen is in {picture}",
        np.hstack(seen),
    )
