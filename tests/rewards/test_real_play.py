"""Rewards of real play in the emulator: sums of episodes, and simple farms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from envs.cartridge.walkthrough import run_to
from envs.game.catalog import Game
from envs.game.plausible_moments import PlausibleMoments
from envs.game_boy.emulator import BUTTONS, Emulator
from envs.ram import GameState, read_state
from envs.red_env import RedEnv
from envs.reward_components import COMPONENTS
from envs.start_library import start_state
from rewards.base import LAYERS
from tests.conftest import MakeEnv
from tests.rewards.play import UNITS, earn

BATTLE_UNITS = {"battle_start_bonus": 1.0, "battle_hp_delta": 1.0, "battle_win": 1.0, "battle_loss": -1.0}
Choose = Callable[[RedEnv, int], str]


def play(env: RedEnv, choose: Choose, actions: int) -> dict[str, Any]:
    """Play one episode of ``actions`` actions, check every step's sums, and return its statistics."""
    env.reset(seed=1)
    total, sums = 0.0, Counter[str]()
    for step in range(actions):
        _, reward, _, truncated, info = env.step(BUTTONS.index(choose(env, step)))
        parts = info["reward_components"]
        assert reward == parts["exploration"] + parts["battle"] + parts["milestone"] + parts["penalty"]
        total += reward
        sums.update(parts)
    assert truncated
    account: dict[str, Any] = info["episode_stats"]
    assert account["return"] == pytest.approx(total)
    assert account["implausible"] == 0
    for name in COMPONENTS:
        assert account["reward_components"][name] == pytest.approx(sums[name])
    return account


def at_random(seed: int) -> Choose:
    rng = np.random.default_rng(seed)
    return lambda env, step: BUTTONS[rng.integers(len(BUTTONS))]


def fight_on() -> Choose:
    """Walk in the grass; in battle, choose what the cursor points at, with random buttons in between."""
    rng = np.random.default_rng(1)
    return lambda env, step: (
        BUTTONS[rng.integers(len(BUTTONS))]
        if step % 20 == 0
        else "a"
        if env.state.battle
        else ("up", "down", "left", "right")[rng.integers(4)]
    )


def flee_at_once() -> Choose:
    """Walk in the grass, and choose RUN as soon as the battle menu appears."""
    rng = np.random.default_rng(0)
    return lambda env, step: (
        ("b", "b", "down", "right", "a")[step % 5]
        if env.state.battle
        else ("up", "down", "left", "right")[rng.integers(4)]
    )


def test_play_with_battles_adds_up(make_env: MakeEnv) -> None:
    env = make_env(start="route1", coefficients=UNITS, max_steps=1500)
    account = play(env, fight_on(), 1500)
    assert account["battles_started"] > 0
    assert account["reward_components"]["penalty"] <= -1500


def test_random_play_adds_up_while_layers_change(make_env: MakeEnv) -> None:
    env = make_env(start="route1", coefficients=UNITS, max_steps=1000)
    rng, act = np.random.default_rng(2), at_random(2)

    def choose(env: RedEnv, step: int) -> str:
        if step % 20 == 0:
            env.set_layer_weights(dict(zip(LAYERS, rng.uniform(0, 2, 3).tolist(), strict=True)))
        return act(env, step)

    account = play(env, choose, 1000)
    assert account["reward_components"]["exploration"] > 0
    assert account["battles_started"] > 0


def test_new_tiles_are_the_tiles_visited(make_env: MakeEnv) -> None:
    env = make_env(start="route1", coefficients={"exploration_new_tile": 1.0}, max_steps=600)
    account = play(env, at_random(2), 600)
    assert account["return"] == pytest.approx(account["coord_count"] - 1, abs=3)
    assert account["coord_count"] > 10


def test_battles_that_are_won_keep_their_start_bonus(make_env: MakeEnv) -> None:
    env = make_env(start="route1", coefficients={"battle_start_bonus": 1.0}, max_steps=2000)
    account = play(env, fight_on(), 2000)
    won = account["battles_won"]
    assert won > 0
    assert won <= account["return"] <= won + 1  # and perhaps an unfinished one


def test_fleeing_from_every_battle_earns_nothing(make_env: MakeEnv) -> None:
    env = make_env(start="route1", coefficients=BATTLE_UNITS, max_steps=1500)
    account = play(env, flee_at_once(), 1500)
    assert account["battles_escaped"] >= 2
    assert account["battles_won"] == 0
    assert account["return"] <= 1


def test_opening_menus_earns_nothing(make_env: MakeEnv) -> None:
    coefficients = {k: v for k, v in UNITS.items() if not k.startswith("penalty_")}
    env = make_env(coefficients=coefficients, max_steps=400)
    account = play(env, lambda env, step: ("start", "down", "b", "start", "up", "b")[step % 6], 400)
    assert account["return"] <= 4


class Witness(Emulator):
    """An emulator that records the state after every action."""

    def act(self, button: str | None, frames: int = 24, held: int = 8) -> None:
        super().act(button, frames, held)
        self.moments.append(read_state(self.memory))

    moments: list[GameState]


def test_the_walkthrough_is_paid_each_milestone_once(game: Game) -> None:
    with Witness(game.rom) as emulator:
        emulator.load_state(start_state(game, "bedroom").data)
        emulator.moments = [read_state(emulator.memory)]
        run_to(emulator, "badge1")
        moments = emulator.moments
    moments.append(moments[-1])
    plausible = PlausibleMoments()
    plausible.reset(moments[0])
    assert all(plausible.step(a, b) == (a, b) for a, b in pairwise(moments))
    earned, last = earn(moments), moments[-1]
    assert earned["milestone_badge"] == last.badge_count == 1
    assert earned["milestone_key_location"] == 8
    assert earned["milestone_event"] == last.event_count - moments[0].event_count
    assert [mon.level for mon in last.party] == [5 + earned["milestone_level_up"]]
    assert earned["battle_win"] >= 5
    assert earned["battle_start_bonus"] == earned["battle_win"]
    assert 0 < earned["battle_hp_delta"] <= 3 * earned["battle_win"]
    assert earned["exploration_new_tile"] == len({(m.map_id, m.x, m.y) for m in moments}) - 1
