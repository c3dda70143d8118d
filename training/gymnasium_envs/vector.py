"""PokemonRed-v0 as many environments, in worker processes that share memory with this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.vec_env import PooledVecEnv
from training.environments.vectorized import task_vec_env
from training.gymnasium_envs.arguments import ConfigArgument, task_of

Observations = dict[str, NDArray[np.uint8]]
Flags = NDArray[np.bool_]
TIME_LIMIT = "TimeLimit.truncated"
LAST = "terminal_observation"
OPTIONAL = "steps_to_first_battle"
"""The statistic of an episode that may be None: an array has no None, so it is NaN there."""


class PokemonRedVector(VectorEnv[Observations, NDArray[np.int64], NDArray[Any]]):
    """``gymnasium.make_vec("PokemonRed-v0", num_envs=16)``: the environments of a training run.

    An environment whose episode ends begins the next one in the same step (``AutoresetMode.SAME_STEP``): the
    observation is the first of the new episode, ``infos["final_obs"]`` and ``infos["final_info"]`` are the
    last of the old one. Observations are copies, and belong to the caller.

    Args:
        num_envs: Number of environments.
        config: Path of a config file, a dict of settings, or a TrainConfig; None for the defaults.
        start: Name of a start state or path of a state file; it replaces those of the config.
        render_mode: "rgb_array": ``render`` returns an image of each environment. "human": a window shows the
            first environment, as fast as it runs.
        settings: Settings that replace those of the config, such as ``max_steps=1024`` or ``workers=4``.

    Raises:
        UserError: the config, the ROM or the start is wrong, or there is no display for the window.
    """

    metadata = {  # noqa: RUF012 - Gymnasium's own declaration
        "render_modes": ["human", "rgb_array"],
        "render_fps": 60 / 24,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        config: ConfigArgument = None,
        start: str | None = None,
        render_mode: Literal["human", "rgb_array"] | None = None,
        **settings: Any,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs {num_envs} must be at least 1")
        if render_mode not in (None, "human", "rgb_array"):
            raise ValueError(f'render_mode {render_mode!r} must be "human", "rgb_array" or None')
        task = task_of(config, start, settings)
        self._env: PooledVecEnv = task_vec_env(task, num_envs, use_graphics=render_mode == "human").venv
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.single_observation_space = cast(Any, self._env.observation_space)
        self.single_action_space = cast(Any, self._env.action_space)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Begin an episode in every environment.

        With an int as ``seed``, environment i gets seed + i. ``options``: see RedEnv.
        """
        if isinstance(seed, int | np.integer):
            self._env.seed(int(seed))
        elif seed is not None:
            if len(seed) != self.num_envs:
                raise ValueError(f"{len(seed)} seeds for {self.num_envs} environments")
            self._env._seeds = list(seed)
        if options:
            self._env.set_options(options)
        observations = self._copied(self._env.reset())
        return observations, self._joined(self._env.reset_infos)

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Observations, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Press a button in each game; ``actions`` is int (num_envs,).

        Returns observations, float64 rewards, two bool arrays (terminated, truncated) and infos.
        """
        observations, rewards, dones, infos = self._env.step(actions)
        truncated = np.array([bool(info.pop(TIME_LIMIT)) for info in infos])
        terminated = dones & ~truncated
        joined: dict[str, Any] = {}
        for index, info in enumerate(infos):
            if dones[index]:
                ended = {"final_obs": info.pop(LAST), "final_info": _without_none(info)}
                joined = self._add_info(joined, ended, index)
                info = self._env.reset_infos[index]
            joined = self._add_info(joined, info, index)
        return self._copied(observations), rewards.astype(np.float64), terminated, truncated, joined

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Return an image of each environment, uint8 (144, 160, 3), with the render mode "rgb_array"."""
        if self.render_mode != "rgb_array":
            return None
        return tuple(cast(Sequence[NDArray[np.uint8]], self._env.get_images()))

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Call a method of each environment and return the results."""
        return tuple(self._env.env_method(name, *args, **kwargs))

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Return an attribute of each environment."""
        return tuple(self._env.get_attr(name))

    def set_attr(self, name: str, value: Any) -> None:
        """Set an attribute of each environment."""
        self._env.set_attr(name, value)

    def close_extras(self, **kwargs: Any) -> None:
        """Stop the workers."""
        if hasattr(self, "_env"):
            self._env.close()

    def _copied(self, observations: Any) -> Observations:
        return {key: np.array(array) for key, array in observations.items()}

    def _joined(self, infos: Sequence[dict[str, Any]]) -> dict[str, Any]:
        joined: dict[str, Any] = {}
        for index, info in enumerate(infos):
            joined = self._add_info(joined, info, index)
        return joined


def _without_none(info: dict[str, Any]) -> dict[str, Any]:
    stats = info.get("episode_stats")
    if stats is None:  # of an episode that was lost with its worker
        return info
    value = stats[OPTIONAL]
    return {**info, "episode_stats": {**stats, OPTIONAL: np.nan if value is None else float(value)}}
