"""VecMonitor for environments stepped group by group."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecMonitor
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from envs.cluster.ray_vec_env import LOST, RayVecEnv
from envs.vec_env import PooledVecEnv


class GroupVecMonitor(VecMonitor):
    """VecMonitor that adds ``info["episode"]`` (return r, length l in steps, time t in seconds) by group."""

    venv: PooledVecEnv

    def __init__(self, venv: PooledVecEnv) -> None:
        super().__init__(venv)
        self._made = time.monotonic()  # a clock that is never set back

    @property
    def groups(self) -> list[slice]:
        """The environments of each group."""
        return self.venv.groups

    def step_group(self, group: int, actions: NDArray[np.int64]) -> None:
        """Send one group's actions and return at once."""
        self.venv.step_group(group, actions)

    def wait_group(self, group: int) -> VecEnvStepReturn:
        """Wait for one group's results, in the order of its environments."""
        observations, rewards, dones, infos = self.venv.wait_group(group)
        part = self.venv.groups[group]
        self.episode_returns[part] += rewards
        self.episode_lengths[part] += 1
        for offset in dones.nonzero()[0]:
            index = part.start + int(offset)
            infos[offset]["episode"] = self._finish_episode(index)
        return observations, rewards, dones, infos

    def snapshot(self) -> dict[str, Any]:
        """Return everything that the next steps depend on, as plain values, bytes and arrays.

        No step may be under way.
        """
        return {
            "returns": [float(value) for value in self.episode_returns],
            "lengths": [int(value) for value in self.episode_lengths],
            "count": self.episode_count,
            "emulators": self.venv.snapshot(),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
        """Continue from a ``snapshot`` instead of calling ``reset()``.

        Returns copies of the observations, and a mask of environments at the start of an episode. Raises
        ValueError, KeyError, TypeError, IndexError or UserError if the snapshot does not fit.
        """
        begun = np.array([bool(one["begun"]) for one in snapshot["emulators"]["environments"]])
        observations = cast(dict[str, NDArray[Any]], self.venv.restore(snapshot["emulators"]))
        # An episode lost with its worker ended with the session, so its sums must not reach the next one.
        self.episode_returns = np.where(begun, np.array(snapshot["returns"], np.float32), np.float32(0))
        self.episode_lengths = np.where(begun, np.array(snapshot["lengths"], np.int32), np.int32(0))
        self.episode_count = int(snapshot["count"])
        return {key: array.copy() for key, array in observations.items()}, ~begun

    def _finish_episode(self, index: int) -> dict[str, Any]:
        episode = {
            "r": cast(float, self.episode_returns[index]),
            "l": cast(int, self.episode_lengths[index]),
            "t": round(time.monotonic() - self._made, 6),
        }
        self.episode_count += 1
        self.episode_returns[index], self.episode_lengths[index] = 0, 0
        return episode


class ClusterMonitor(GroupVecMonitor):
    """GroupVecMonitor over the actors of a cluster, which may be lost."""

    venv: RayVecEnv

    def next_news(self, seconds: float) -> tuple[int, bool] | None:
        """See RayVecEnv.next_news."""
        return self.venv.next_news(seconds)

    def wait_group(self, group: int) -> VecEnvStepReturn:
        """See GroupVecMonitor.wait_group. The end of a lost episode does not count as a step."""
        before = self.episode_lengths[self.groups[group]].copy()
        observations, rewards, dones, infos = super().wait_group(group)
        for length, info in zip(before, infos, strict=True):
            if LOST in info:
                info["episode"]["l"] = length
        return observations, rewards, dones, infos
