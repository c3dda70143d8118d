"""Fixtures: a scripted play from the bedroom to the first gym, recorded action by action."""

from __future__ import annotations

from itertools import pairwise

import pytest

from envs.cartridge.walkthrough import run_to
from envs.game.catalog import Game
from envs.start_library import start_state
from tests.envs.recorder import Moment, Recorder


@pytest.fixture(scope="session")
def play(game: Game) -> list[Moment]:
    with Recorder(game.rom) as emulator:
        emulator.moments = []
        emulator.load_state(start_state(game, "bedroom").data)
        run_to(emulator, "gym1")
        return emulator.moments


@pytest.fixture(scope="session")
def battles(play: list[Moment]) -> list[list[Moment]]:
    """The moments of each battle, from its first to its last."""
    found: list[list[Moment]] = []
    for before, now in pairwise(play):
        if now.state.battle > 0:
            if before.state.battle <= 0:
                found.append([])
            found[-1].append(now)
    return found
