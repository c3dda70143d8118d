"""VecMonitor for environments that are stepped group by group."""

from __future__ import annotations

import time
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecMonitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from envs.vec_env import EmulatorVecEnv


class GroupVecMonitor(VecMonitor):
    """Adds ``info["episode"]`` (return r, length l in steps, time t in seconds), also group by group."""

    venv: EmulatorVecEnv

    @property
    def groups(self) -> list[slice]:
        """Which environments each group holds."""
        return self.venv.groups

    def step_group(self, group: int, actions: NDArray[np.int64]) -> None:
        """Send one group's actions and return at once."""
        self.venv.step_group(group, actions)

    def wait_group(self, group: int) -> VecEnvStepReturn:
        """One group's results, in the order of its environments."""
        observations, rewards, dones, infos = self.venv.wait_group(group)
        part = self.venv.groups[group]
        self.episode_returns[part] += rewards
        self.episode_lengths[part] += 1
        for offset in np.flatnonzero(dones):
            index = part.start + int(offset)
            infos[offset]["episode"] = self._finish_episode(index)
        return observations, rewards, dones, infos

    def _finish_episode(self, index: int) -> dict[str, Any]:
        episode = {
            "r": cast(float, self.episode_returns[index]),
            "l": cast(int, self.episode_lengths[index]),
            "t": round(time.time() - self.t_start, 6),
        }
        self.episode_count += 1
        self.episode_returns[index], self.episode_lengths[index] = 0, 0
        return episode
