"""A small real environment with the same ``info`` keys as the game's environment, and a small PPO on
it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import Logger, TensorBoardOutputFormat
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Learn = Callable[..., PPO]
LENGTH = 24


class Corridor(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Walk right along a corridor of 12 tiles; every third tile holds a battle, which a step right wins."""

    def __init__(self) -> None:
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(3)
        self.x = self.steps = self.battles = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        self.x = self.steps = self.battles = 0
        self.total, self.seen = 0.0, {0}
        return self._look(), {}

    def _look(self) -> NDArray[np.float32]:
        return np.array([self.x / 12, self.steps / LENGTH], np.float32)

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.steps += 1
        self.x = min(max(self.x + (0, 1, -1)[int(action)], 0), 12)
        reward = float(self.x not in self.seen)
        self.battles += int(reward and self.x % 3 == 0)
        self.seen.add(self.x)
        self.total += reward
        ended = self.steps >= LENGTH
        return self._look(), reward, False, ended, self._info(ended)

    def _info(self, ended: bool) -> dict[str, Any]:
        info: dict[str, Any] = {"reward_components": {"exploration": 1.0}}
        if self.steps % 10 == 0:
            info["agent_stats"] = self._sample()
        if ended:
            info["episode_stats"] = self._account()
        return info

    def _sample(self) -> dict[str, Any]:
        return {
            "step": self.steps,
            "map_id": self.x // 7,
            "x": self.x,
            "y": 1,
            "badges": 0,
            "levels": 5,
            "hp_fraction": 0.5,
            "battle": 0,
            "event_count": 0,
            "coord_count": len(self.seen),
            "battles_started": self.battles,
        }

    def _account(self) -> dict[str, Any]:
        return {
            "return": self.total,
            "length": self.steps,
            "battles_started": self.battles,
            "battles_won": self.battles,
            "battles_lost": 0,
            "battles_escaped": 1,
            "steps_to_first_battle": 3 if self.battles else None,
            "badges_earned": 0,
            "levels_gained": 1,
            "map_progress": self.x,
            "coord_count": len(self.seen),
            "events_gained": 0,
            "success": self.x == 12,
            "reward_components": {"exploration": self.total, "battle": 0.0, "milestone": 0.0, "penalty": 0.0},
        }


@pytest.fixture
def learn(tmp_path: Path) -> Iterator[Learn]:
    """``learn(callbacks, steps)`` trains a fresh PPO on two corridors, 64 steps a rollout; logs to
    tensorboard/."""

    def train(callbacks: Sequence[BaseCallback], steps: int = 256, **settings: Any) -> PPO:
        env = VecMonitor(settings.pop("env", None) or DummyVecEnv([Corridor, Corridor]))
        options: dict[str, Any] = {
            "n_steps": 32,
            "batch_size": 32,
            "n_epochs": 2,
            "seed": 0,
            "device": "cpu",
        } | settings
        model = PPO("MlpPolicy", env, policy_kwargs={"net_arch": [8]}, **options)
        folder = str(tmp_path / "tensorboard")
        model.set_logger(Logger(folder, [TensorBoardOutputFormat(folder)]))
        model.learn(steps, callback=CallbackList(list(callbacks)))
        model.logger.close()
        return model

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield train
    torch.set_num_threads(threads)


@pytest.fixture
def curves(tmp_path: Path) -> Callable[[], EventAccumulator]:
    """What TensorBoard reads of the run that ``learn`` made."""

    def read() -> EventAccumulator:
        events = EventAccumulator(str(tmp_path / "tensorboard"))
        events.Reload()
        return events

    return read
