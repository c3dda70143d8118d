"""A model of how the original's opening reacts to buttons, because no cartridge is available: a small state
machine with the same memory addresses, without its texts or pictures.

Rules and addresses are those of the public disassembly (pret/pokered): engine/menus/main_menu.asm,
engine/movie/oak_speech/, engine/menus/naming_screen.asm, home/window.asm (menus), home/overworld.asm.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

A, B, SELECT, START, RIGHT, LEFT, UP, DOWN = (1 << n for n in range(8))
BUTTONS = {"a": A, "b": B, "select": SELECT, "start": START}
BUTTONS |= {"right": RIGHT, "left": LEFT, "up": UP, "down": DOWN}
STEPS = {DOWN: (0, 0, 1), UP: (4, 0, -1), LEFT: (8, -1, 0), RIGHT: (12, 1, 0)}  # facing, x, y

W_FACING, W_JOY_IGNORE, W_WALK_COUNTER = 0xC109, 0xCD6B, 0xCFC5
W_TOP_MENU_ITEM_Y, W_TOP_MENU_ITEM_X, W_CURRENT_MENU_ITEM = 0xCC24, 0xCC25, 0xCC26
W_MAX_MENU_ITEM, W_MENU_WATCHED_KEYS = 0xCC28, 0xCC29
W_NAMING_LENGTH, W_NAMING_SUBMIT = 0xCEE9, 0xCEEA
W_PLAYER_NAME, W_RIVAL_NAME = 0xD158, 0xD34A
W_CUR_MAP, W_Y_COORD, W_X_COORD = 0xD35E, 0xD361, 0xD362
W_STATUS_FLAGS_6 = 0xD732

BEDROOM, NAME_END, LONGEST = 38, 0x50, 7
LAST_X, END_ROW, CASE_ROW = 17, 5, 6
LETTER_FRAMES = 3  # one while A or B is held
Frames = Iterator[None]


class Opening:
    """The original from power-on to the bedroom, with the interface of an Emulator.

    ``speech`` gives the letters of each text box. ``empty_names`` counts names submitted without a letter.
    """

    def __init__(self, speech: tuple[int, ...] = (90, 70, 110, 60, 50)) -> None:
        self.rom, self.title = Path("model.gb"), "MODEL"
        self.memory = bytearray(0x10000)
        self.frame_count = self.actions = self.empty_names = 0
        self._speech = speech
        self._held = self._pressed = 0
        self._game = self._play()

    # --- as an Emulator ---
    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        self.actions += 1
        self._hold(BUTTONS[button] if button else 0, min(held, frames))
        self._hold(0, frames - min(held, frames))

    def tick(self, frames: int, render: bool = False) -> None:
        self._hold(0, frames)

    def screen(self) -> NDArray[np.uint8]:
        return np.full((144, 160), self.frame_count & 0xFF, np.uint8)

    def _hold(self, buttons: int, frames: int) -> None:
        for _ in range(frames):
            self._pressed = buttons & ~self._held
            self._held = buttons
            self.frame_count += 1
            next(self._game)

    # --- the game; every yield is a frame ---
    def _play(self) -> Frames:
        yield from self._wait(180)  # copyright, then the intro, which a button skips
        yield from self._until(A | B | START)
        yield from self._title()
        self._prepare_first_warp()
        yield from self._wait(40)
        yield from self._talk(self._speech)
        yield from self._choose_name(W_PLAYER_NAME)
        yield from self._talk(self._speech[:1])
        yield from self._choose_name(W_RIVAL_NAME)
        yield from self._talk(self._speech[1:3])
        yield from self._enter_map()
        while True:
            yield from self._overworld()

    def _wait(self, frames: int) -> Frames:
        for _ in range(frames):
            yield

    def _until(self, keys: int) -> Frames:
        while not self._pressed & keys:
            yield
        yield

    def _title(self) -> Frames:
        """Show the title and its menu, from which B returns to the title."""
        while True:
            yield from self._wait(30)
            yield from self._until(A | START)
            yield from self._wait(20)
            pressed = yield from self._menu(2, 2, 1, A | B | START)
            if pressed & B:
                continue
            if self.memory[W_CURRENT_MENU_ITEM] == 0:
                return
            yield from self._until(B | START)  # options

    def _prepare_first_warp(self) -> None:
        self.memory[W_CUR_MAP], self.memory[W_X_COORD], self.memory[W_Y_COORD] = BEDROOM, 3, 6

    def _talk(self, boxes: tuple[int, ...]) -> Frames:
        for letters in boxes:
            for _ in range(letters):
                yield from self._wait(1 if self._held & (A | B) else LETTER_FRAMES)
            yield from self._until(A | B)

    def _menu(self, y: int, x: int, last: int, keys: int) -> Generator[None, None, int]:
        """Return the buttons that left the menu. The cursor does not wrap around."""
        self.memory[W_TOP_MENU_ITEM_Y : W_CURRENT_MENU_ITEM + 1] = bytes([y, x, 0])
        self.memory[W_MAX_MENU_ITEM : W_MENU_WATCHED_KEYS + 1] = bytes([last, keys])
        while True:
            yield from self._wait(3)
            while not self._pressed:
                yield
            step = bool(self._pressed & DOWN) - bool(self._pressed & UP)
            item = self.memory[W_CURRENT_MENU_ITEM] + step
            self.memory[W_CURRENT_MENU_ITEM] = min(max(item, 0), last)
            if self._pressed & keys:
                return self._pressed

    # --- names ---
    def _choose_name(self, where: int) -> Frames:
        yield from self._wait(30)  # the picture slides
        yield from self._menu(2, 1, 3, A)
        item = self.memory[W_CURRENT_MENU_ITEM]
        if item:
            self._keep(where, bytes([0x80 + item] * 4))
        else:
            yield from self._type_name(where)
        yield from self._wait(30)

    def _keep(self, where: int, name: bytes) -> None:
        self.memory[where : where + len(name) + 1] = name + bytes([NAME_END])

    def _type_name(self, where: int) -> Frames:
        name = b""
        while not name:
            name = yield from self._naming_screen()
            self._keep(where, name)
            self.empty_names += not name

    def _naming_screen(self) -> Generator[None, None, bytes]:
        """Return the submitted name."""
        self.memory[W_TOP_MENU_ITEM_Y : W_CURRENT_MENU_ITEM + 1] = bytes([3, 1, 1])
        self.memory[W_MAX_MENU_ITEM : W_MENU_WATCHED_KEYS + 1] = bytes([7, 0xFF])
        self.memory[W_NAMING_LENGTH : W_NAMING_SUBMIT + 1] = bytes(2)
        name = bytearray()
        yield from self._wait(8)
        while not self.memory[W_NAMING_SUBMIT]:
            while not self._pressed:
                yield
            self._press_on_naming_screen(name)
            yield
        yield from self._wait(8)
        return bytes(name)

    def _press_on_naming_screen(self, name: bytearray) -> None:
        if self._pressed & (DOWN | UP | LEFT | RIGHT):
            self._move(self._pressed)
        elif self._pressed & START:
            self.memory[W_NAMING_SUBMIT] = 1
        elif self._pressed & A:
            self._type(name)
        elif self._pressed & B and name:
            name.pop()
        self.memory[W_NAMING_LENGTH] = len(name)
        if len(name) == LONGEST and not self._pressed & (DOWN | UP | LEFT | RIGHT):
            self.memory[W_TOP_MENU_ITEM_X : W_CURRENT_MENU_ITEM + 1] = bytes([LAST_X, END_ROW])

    def _type(self, name: bytearray) -> None:
        x, row = self.memory[W_TOP_MENU_ITEM_X : W_CURRENT_MENU_ITEM + 1]
        if (x, row) == (LAST_X, END_ROW):
            self.memory[W_NAMING_SUBMIT] = 1
        elif row != CASE_ROW and len(name) < LONGEST:
            name.append(0x80 + 9 * (row - 1) + x // 2)

    def _move(self, pressed: int) -> None:
        x, row = self.memory[W_TOP_MENU_ITEM_X : W_CURRENT_MENU_ITEM + 1]
        if pressed & (DOWN | UP):
            row = (row - 1 + (1 if pressed & DOWN else -1)) % CASE_ROW + 1
        elif row != CASE_ROW:
            x = (x + (2 if pressed & RIGHT else -2)) % (LAST_X + 1)
        x = 1 if row == CASE_ROW else x
        self.memory[W_TOP_MENU_ITEM_X : W_CURRENT_MENU_ITEM + 1] = bytes([x, row])

    # --- the bedroom ---
    def _enter_map(self) -> Frames:
        yield from self._wait(20)
        self.memory[W_STATUS_FLAGS_6] |= 1  # play time counts
        yield from self._wait(20)
        self.memory[W_JOY_IGNORE] = 0xFF
        yield from self._wait(12)
        self.memory[W_FACING] = STEPS[UP][0]
        self.memory[W_JOY_IGNORE] = 0

    def _overworld(self) -> Frames:
        yield
        if self._pressed & START:
            yield from self._menu(2, 11, 3, A | B | START)
        elif self._pressed & A and self._ahead(STEPS[UP]) == (3, 5):
            yield from self._talk((30,))  # the machine before the player
        elif self._held in STEPS:
            yield from self._walk(self._held)

    def _ahead(self, step: tuple[int, int, int]) -> tuple[int, int]:
        return self.memory[W_X_COORD] + step[1], self.memory[W_Y_COORD] + step[2]

    def _walk(self, button: int) -> Frames:
        """A turn takes three frames. Only a button that is still held makes a step, which takes sixteen."""
        step = STEPS[button]
        if self.memory[W_FACING] != step[0]:
            self.memory[W_FACING] = step[0]
            yield from self._wait(3)
        x, y = self._ahead(step)
        if self._held != button or not (0 <= x < 8 and 1 <= y < 8) or (x, y) == (3, 5):
            return
        for left in range(16, 0, -1):
            self.memory[W_WALK_COUNTER] = left
            yield
        self.memory[W_WALK_COUNTER] = 0
        self.memory[W_X_COORD], self.memory[W_Y_COORD] = x, y
