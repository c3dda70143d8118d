"""Pictures: the screen, and the tiles visited around the player."""

from __future__ import annotations

import numpy as np

from envs.observation_parts.base import ObservationPart, Picture, fitting
from envs.ram import GameState
from envs.visited import CROP, VisitedTiles

HALF_SCREEN = (72, 80)  # pixels
FRAMES = 3
FILM = 16
"""Capacity in pictures; when it is full, the last ones move back to the start."""


def shrink(picture: Picture) -> Picture:
    """Take every second pixel of every second row: uint8 (2h, 2w) to a view of uint8 (h, w).

    Each tile of 8 x 8 pixels keeps 4 x 4. The mean of 2 x 2 pixels would cost ten times as much, 4 % of the
    time of a step.
    """
    return picture[::2, ::2]


def _half(picture: Picture) -> Picture:
    return picture if picture.shape == HALF_SCREEN else shrink(picture)


class ScreenPart(ObservationPart):
    """The last three pictures in grey at half size, oldest first. An episode starts with three copies."""

    shape = (FRAMES, *HALF_SCREEN)

    def __init__(self) -> None:
        self._film = np.zeros((FILM, *HALF_SCREEN), np.uint8)
        self._end = FRAMES

    def reset(self, state: GameState, screen: Picture) -> None:
        self._end = FRAMES
        self._film[:FRAMES] = _half(screen)

    def update(self, screen: Picture, action: int) -> None:
        if self._end == FILM:
            self._end = FRAMES - 1
            self._film[: self._end] = self._film[-self._end :]
        self._film[self._end] = _half(screen)
        self._end += 1

    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        out[:] = self._film[self._end - FRAMES : self._end]

    def snapshot(self) -> Picture:
        return self._film[self._end - FRAMES : self._end].copy()

    def restore(self, snapshot: Picture) -> None:
        self._end = FRAMES
        self._film[:FRAMES] = fitting(snapshot, self.shape)


class VisitedPart(ObservationPart):
    """Visited tiles of this map (255), centred on the player (row 24, column 24)."""

    shape = (1, CROP, CROP)

    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        out[0] = visited.crop(state)


class VisitedNearbyPart(ObservationPart):
    """Visited tiles (255) around the player (row 24, column 24), on this map and on those beside it."""

    shape = (1, CROP, CROP)
    source = "W_CUR_MAP, W_X_COORD, W_Y_COORD, W_CUR_MAP_WIDTH, W_CUR_MAP_HEIGHT"

    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        out[0] = visited.across(state)


class VisitedWorldPart(ObservationPart):
    """Cells of 8 x 8 steps visited in the episode (255), around the player (row 24, column 24)."""

    shape = (1, CROP, CROP)
    source = VisitedNearbyPart.source

    def write(self, out: Picture, state: GameState, visited: VisitedTiles) -> None:
        out[0] = visited.world.crop()
