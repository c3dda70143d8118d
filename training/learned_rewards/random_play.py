"""Random play before training, for models that need to know what observations look like."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from envs.game_boy.emulator import BUTTONS
from envs.red_env import RedEnv
from training.environments.local import make_env
from training.environments.task import Task
from training.learned_rewards.interface import RewardModel

BATCH = 128
SEED = 0x57A7
"""Added to the run's seed: these episodes do not belong to the run."""


def warm_up(model: RewardModel, task: Task) -> None:
    """Give ``model`` the random play that it needs, in a game of its own in this process.

    The run's environments, their recordings and its random generators are not touched.
    """
    if model.random_steps:
        for observations in played(task, model.random_steps):
            model.warm_up(observations)


def played(task: Task, steps: int) -> Iterator[dict[str, NDArray[np.uint8]]]:
    """Yield observations of ``steps`` steps with random buttons, uint8 (n, ...) by name."""
    chance = np.random.default_rng([SEED, task.config.seed])
    with contextlib.closing(make_env(task)) as env:
        env.reset(seed=int(chance.integers(2**31)))
        for start in range(0, steps, BATCH):
            rows = [_step(env, chance) for _ in range(min(BATCH, steps - start))]
            yield {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _step(env: RedEnv, chance: np.random.Generator) -> dict[str, NDArray[np.uint8]]:
    observation, _, terminated, truncated, _ = env.step(int(chance.integers(len(BUTTONS))))
    if terminated or truncated:
        env.reset()
    return observation
