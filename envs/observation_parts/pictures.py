"""Pictures: the screen, and the tiles visited around the player."""

from __future__ import annotations

import numpy as np

from envs.observation_names import FRAMES, SCREEN_SIZE, SCREEN_SIZES
from envs.observation_parts.base import Picture, PicturePart, fitting
from envs.ram import GameState
from envs.visited import CROP, VisitedTiles

FILM = 16
"""Capacity in pictures; when it is full, the last ones move back to the start."""


def shrink(picture: Picture, height: int) -> Picture:
    """Take every k-th pixel of every k-th row, so that ``height`` rows are left: uint8, a view.

    At half size each tile of 8 x 8 pixels keeps 4 x 4. The mean of 2 x 2 pixels would cost ten times as much,
    4 % of the time of a step.
    """
    step = picture.shape[0] // height
    return picture[::step, ::step]


class ScreenPart(PicturePart):
    """The last ``frames`` pictures in grey, oldest first. An episode starts with copies of its first one."""

    shape = (FRAMES, *SCREEN_SIZES[SCREEN_SIZE])
    source = "the screen"

    def __init__(self, frames: int = FRAMES, size: str = SCREEN_SIZE) -> None:
        self.shape = (frames, *SCREEN_SIZES[size])
        self._film = np.zeros((FILM, *SCREEN_SIZES[size]), np.uint8)
        self._bytes, self._size = self._film.data.cast("B"), self._film[0].size
        self._frames = self._end = frames

    def reset(self, state: GameState, screen: Picture) -> None:
        self._end = self._frames
        self._film[: self._end] = self._fit(screen)

    def update(self, screen: Picture, action: int) -> None:
        if self._end == FILM:
            self._end = self._frames - 1
            self._film[: self._end] = self._film[FILM - self._end :]
        self._film[self._end] = self._fit(screen)
        self._end += 1

    def content(self, state: GameState, visited: VisitedTiles) -> memoryview:
        return self._bytes[(self._end - self._frames) * self._size : self._end * self._size]

    def snapshot(self) -> Picture:
        return self._film[self._end - self._frames : self._end].copy()

    def restore(self, snapshot: Picture) -> None:
        self._end = self._frames
        self._film[: self._end] = fitting(snapshot, self.shape)

    def _fit(self, screen: Picture) -> Picture:
        height = self.shape[1]
        return screen if screen.shape[0] == height else shrink(screen, height)


class VisitedPart(PicturePart):
    """Visited tiles of this map (255), centred on the player (row 24, column 24)."""

    shape = (1, CROP, CROP)
    source = "W_CUR_MAP, W_X_COORD, W_Y_COORD"

    def content(self, state: GameState, visited: VisitedTiles) -> bytes:
        return visited.crop(state).tobytes()


class VisitedNearbyPart(PicturePart):
    """Visited tiles (255) around the player (row 24, column 24), on this map and on those beside it."""

    shape = (1, CROP, CROP)
    source = "W_CUR_MAP, W_X_COORD, W_Y_COORD, W_CUR_MAP_WIDTH, W_CUR_MAP_HEIGHT"

    def content(self, state: GameState, visited: VisitedTiles) -> bytes:
        return visited.bytes_across(state)


class VisitedWorldPart(PicturePart):
    """Cells of 8 x 8 steps visited in the episode (255), around the player (row 24, column 24)."""

    shape = (1, CROP, CROP)
    source = VisitedNearbyPart.source

    def content(self, state: GameState, visited: VisitedTiles) -> bytes:
        return visited.world.bytes_around()
