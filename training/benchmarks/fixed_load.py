"""Environments that take a fixed time and no CPU, to measure the overhead between them and PPO."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium
import numpy as np

from envs.observations import Observations
from envs.red_env import Observation, RedEnv
from envs.reward_components import COMPONENTS
from envs.workers.pool_protocol import EnvFn


class FixedLoad(gymnasium.Env[Observation, np.int64]):
    """Environment whose steps take ``seconds`` and return data of RedEnv's sizes. Episodes never end."""

    def __init__(self, seconds: float) -> None:
        self.render_mode = "rgb_array"
        self.observation_space: gymnasium.Space[Observation] = Observations().space  # type: ignore[assignment]
        self.action_space = RedEnv.actions()
        self._seconds = seconds
        self._observation = {
            name: np.zeros(space.shape or (), np.uint8) for name, space in Observations().space.items()
        }

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Return the constant observation."""
        return self._observation, {}

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Sleep, then return the constant observation."""
        time.sleep(self._seconds)
        return self._observation, 0.0, False, False, {"reward_components": dict.fromkeys(COMPONENTS, 0.0)}


@dataclass(frozen=True)
class FixedLoads:
    """Picklable factory of FixedLoad environments."""

    seconds: float

    def __call__(self, indices: Sequence[int], numbers: Sequence[int]) -> list[EnvFn]:
        """Return one function per index that makes an environment."""
        return [partial(FixedLoad, self.seconds) for _ in indices]
