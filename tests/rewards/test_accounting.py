"""Reward sums of whole episodes in workers: through shared memory in single precision, time limits, goals,
changing weights and resumes."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.reward_components import COMPONENTS
from rewards.base import LAYERS
from tests.rewards.play import UNITS
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.monitor import GroupVecMonitor
from training.make_env import make_vec_env

GAMES = 5
STEPS = 200
HALF = 2.0**-24
"""Largest relative error of rounding to single precision."""
BUTTONS = 7
A = 4
OWN_TERM = """
class Purse:
    layer = "sparse"
    component = "milestone"

    def reset(self, state):
        self.least = state.money

    def __call__(self, before, now, memory):
        self.least = min(self.least, now.money)
        return 1e-3 * (memory.step % 7) + 1e-5 * self.least
"""


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    """All terms at weights that are not binary fractions, short episodes in the tall grass, a nearby goal."""
    (tmp_path / "purse.py").write_text(OWN_TERM)
    odd = {name: value if value > 1 else value * 0.7 for name, value in UNITS.items()}
    path = tmp_path / "account.json"
    settings = {
        "start": "route1",
        "max_steps": 60,
        "goal": "second town",
        "rewards": {**odd, "exploration_recent_window": 5, "stuck_after": 8, "milestone_level_up": 1234.567},
        "reward_terms": {"purse.py:Purse": 0.3},
        "workers": 2,
    }
    path.write_text(json.dumps(settings))
    return load_config(path)


class Account:
    """Checks every step and every finished episode, including those that another process began."""

    def __init__(self) -> None:
        self.sums = [Counter[str]() for _ in range(GAMES)]
        self.rewards = [0.0] * GAMES
        self.sizes = [0.0] * GAMES
        self.episodes: list[dict[str, Any]] = []

    def check_step(
        self, rewards: NDArray[np.float32], dones: NDArray[np.bool_], infos: list[dict[str, Any]]
    ) -> None:
        for game, (reward, done, info) in enumerate(zip(rewards, dones, infos, strict=True)):
            parts = info["reward_components"]
            exact = parts["exploration"] + parts["battle"] + parts["milestone"] + parts["penalty"]
            assert reward == np.float32(exact)
            self.sums[game].update(parts)
            self.rewards[game] += float(reward)
            self.sizes[game] += abs(exact)
            if done:
                self.check_episode(game, info)

    def check_episode(self, game: int, info: dict[str, Any]) -> None:
        stats = info["episode_stats"]
        for name in COMPONENTS:
            assert math.isclose(stats["reward_components"][name], self.sums[game][name], abs_tol=1e-9)
        assert math.isclose(sum(stats["reward_components"].values()), stats["return"], abs_tol=1e-9)
        # The learner's rewards are rounded once each.
        assert abs(self.rewards[game] - stats["return"]) <= HALF * self.sizes[game] + 1e-9
        # SB3's monitor sums in single precision: one more rounding per step, of the sum.
        monitored = (1 + stats["length"]) * HALF * self.sizes[game] + 1e-9
        assert abs(float(info["episode"]["r"]) - stats["return"]) <= monitored
        self.episodes.append({**stats, "truncated": info["TimeLimit.truncated"]})
        self.sums[game], self.rewards[game], self.sizes[game] = Counter(), 0.0, 0.0


@contextmanager
def opened(config: TrainConfig) -> Iterator[GroupVecMonitor]:
    env = make_vec_env(config, GAMES)
    try:
        yield env
    finally:
        env.close()


def weights(generator: np.random.Generator) -> dict[str, float]:
    return dict(zip(LAYERS, generator.uniform(0, 2, len(LAYERS)).tolist(), strict=True))


@pytest.mark.parametrize("seed", [1, 3])
def test_episodes_add_up_in_workers_through_changes_in_mid_episode(config: TrainConfig, seed: int) -> None:
    """Weights change every 13 steps, games move to other processes every 70, and episodes last 60."""
    generator, account = np.random.default_rng(seed), Account()
    kept: dict[str, Any] | None = None
    for begin in range(0, STEPS, 70):
        with opened(config) as env:
            if kept is None:
                env.seed(seed)
                env.reset()
            else:
                env.restore(kept)
            for step in range(begin, min(begin + 70, STEPS)):
                if step % 13 == 0:
                    env.env_method("set_layer_weights", weights(generator))
                chosen = np.where(generator.random(GAMES) < 0.4, A, generator.integers(0, BUTTONS, GAMES))
                _, rewards, dones, infos = env.step(chosen)
                account.check_step(rewards, dones, infos)
            kept = env.snapshot()
    assert len(account.episodes) >= GAMES * (STEPS // 60)
    assert sum(episode["battles_started"] for episode in account.episodes) >= 2
    assert all(episode["truncated"] != episode["success"] for episode in account.episodes)
    earned = {name: [e["reward_components"][name] for e in account.episodes] for name in COMPONENTS}
    assert min(earned["exploration"]) >= 0 > max(earned["penalty"])
    assert any(earned["battle"])
    assert all(earned["milestone"]), "the custom term pays in every episode"


def test_an_episode_that_ends_on_its_goal_adds_up_too(config: TrainConfig) -> None:
    near = config.model_copy(update={"start": "starter", "goal": "route 1", "max_steps": 400})
    account, generator = Account(), np.random.default_rng(5)
    with opened(near) as env:
        env.seed(3)
        env.reset()
        while not any(episode["success"] for episode in account.episodes):
            assert len(account.episodes) < 40
            chosen = np.where(generator.random(GAMES) < 0.5, 3, generator.integers(0, BUTTONS, GAMES))
            _, rewards, dones, infos = env.step(chosen)
            account.check_step(rewards, dones, infos)
    assert not next(episode for episode in account.episodes if episode["success"])["truncated"]
