"""What shipped configs pay for play from the bedroom, where episodes begin on the user's own cartridge."""

from __future__ import annotations

from itertools import pairwise

import pytest

from envs.cartridge.walkthrough import run_to
from envs.game.catalog import Game
from envs.game_boy.emulator import Emulator
from envs.ram import GameState, read_state
from envs.start_library import start_state
from tests.paths import CONFIGS, RUN_CONFIGS
from training.config.loading import load_config
from training.environments.local import reward_of

SHIPPED = [path.stem for path in RUN_CONFIGS]
OWN_CARTRIDGE = ("red_first_day", "red_to_the_first_badge")
FIRST_HOUR = 9_000
"""Actions in an hour of play."""


class Witness(Emulator):
    """An emulator that records the state after every action."""

    moments: list[GameState]

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        super().act(button, frames, held)
        self.moments.append(read_state(self.memory))


@pytest.fixture(scope="module")
def play(game: Game) -> list[GameState]:
    """The scripted player's way from the bedroom to the first badge, as moments."""
    with Witness(game.rom) as emulator:
        emulator.load_state(start_state(game, "bedroom").data)
        emulator.moments = [read_state(emulator.memory)]
        run_to(emulator, "badge1")
        return emulator.moments


def earned(name: str, game: Game, play: list[GameState]) -> dict[str, float]:
    """The sums of the reward's components over one episode, with the layers' first weights."""
    config = load_config(CONFIGS / f"{name}.json")
    reward = reward_of(config, game)
    reward.reset(play[0])
    sums = dict.fromkeys(("exploration", "battle", "milestone", "penalty"), 0.0)
    for before, now in pairwise(play[: config.max_steps + 1]):
        paid = reward.step(before, now)
        for component in sums:
            sums[component] += getattr(paid, component)
    return sums


@pytest.mark.parametrize("name", SHIPPED)
def test_every_config_pays_what_can_be_reached_from_the_bedroom(
    name: str, game: Game, play: list[GameState]
) -> None:
    sums = earned(name, game, play)
    assert sum(value for component, value in sums.items() if component != "penalty") > 0


@pytest.mark.parametrize("name", OWN_CARTRIDGE)
def test_a_first_day_pays_every_part_of_the_way_to_the_first_badge(
    name: str, game: Game, play: list[GameState]
) -> None:
    config = load_config(CONFIGS / f"{name}.json")
    assert (config.rom, config.start, config.starts) == ("embedded", None, None)  # the user's own, by a flag
    assert config.max_steps > FIRST_HOUR
    sums = earned(name, game, play)
    assert all(sums[component] > 0 for component in ("exploration", "battle", "milestone"))
    assert sum(sums.values()) > 0
    before_the_rival = next(index for index, state in enumerate(play) if state.battle)
    early = earned(name, game, play[:before_the_rival])
    assert early["exploration"] > 0  # something is paid before there is a creature
    assert early["milestone"] > 0
