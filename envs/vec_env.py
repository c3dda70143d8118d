"""A stable-baselines3 VecEnv that runs many emulators in a few processes over shared memory.

Environments are split into two groups, and every worker holds some of each: while the policy chooses actions
for one group, the workers step the other (``step_group`` and ``wait_group``). ``step`` steps all groups and
returns what DummyVecEnv returns for the same seeds and actions. A worker that dies or hangs is replaced. Its
episodes end as truncated, with the last observation received.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import Space
from numpy.typing import NDArray
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices, VecEnvObs, VecEnvStepReturn

from envs.reward_components import COMPONENTS
from envs.workers.cpu_affinity import available_cores
from envs.workers.pool import WorkerPool
from envs.workers.pool_protocol import EnvFn, PoolProtocol, ask_each, end_lost_episode
from envs.workers.process import WorkerFailed
from envs.workers.shared_memory import BUFFERS, OUTCOME, make_layout
from envs.workers.worker import full_name

__all__ = ["STEP_TIMEOUT", "EmulatorVecEnv", "PooledVecEnv", "WorkerFailed", "available_cores"]

GROUPS = 2
STEP_TIMEOUT = 4.0
"""Seconds a worker may take for one step of a group; an action of 24 frames takes about a millisecond."""


class PooledVecEnv(VecEnv):
    """A VecEnv over a pool that steps its environments, group by group or all at once.

    ``step`` and ``reset`` return copies of the observations. Those of ``wait_group`` are views of memory that
    is overwritten in the group's step after the next: copy them to keep them longer (rollout buffers do), and
    do not write to them, since what did not change is not written again.
    """

    def __init__(self, pool: PoolProtocol, spaces: tuple[Space[Any], Space[Any]]) -> None:
        self._pool = pool
        self._layout, self._arrays = pool.layout, pool.arrays
        self.groups = pool.groups
        """Environments of each group."""
        self.n_groups = len(pool.groups)
        keys = pool.layout.observation_keys
        self._seen = [
            [{key: pool.arrays[f"obs/{key}"][buffer, part] for key in keys} for buffer in range(BUFFERS)]
            for part in pool.groups
        ]
        try:
            super().__init__(sum(map(len, pool.held)), *spaces)  # asks the environments for a render mode
        except BaseException:
            pool.close()
            raise

    # --- steps ---

    def step_group(self, group: int, actions: NDArray[np.int64]) -> None:
        """Start a step of a group with ``actions``, int (size of the group,); see ``wait_group``."""
        part = self.groups[group]
        self._arrays["actions"][part] = actions
        self._arrays["rewards"][part] = np.nan  # a slot that is never written is noticed
        self._pool.step(group)

    def wait_group(self, group: int) -> VecEnvStepReturn:
        """Return observations, float32 rewards, bool dones and infos of a group's environments, in order."""
        rest, lost = self._pool.wait(group)
        for index in lost:
            end_lost_episode(self._pool, group, index)
        part, arrays = self.groups[group], self._arrays
        rewards = arrays["rewards"][part].copy()
        dones = arrays["terminated"][part] | arrays["truncated"][part]
        infos, ended = self._infos(part, rest)
        for index in ended:
            self._end_episode(index, infos[index - part.start], rest.get(index, {}))
        return self._observations(group), rewards, dones, infos

    def _infos(
        self, part: slice, rest: Mapping[int, dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[int]]:
        """Return the infos of the environments in ``part``, and the environments whose episodes ended.

        The infos are DummyVecEnv's, without what is added at the end of an episode. Raises ValueError for a
        NaN reward.
        """
        infos, ended = [], []
        records = self._pool.outcomes[part.start * OUTCOME.size : part.stop * OUTCOME.size]
        for index, record in enumerate(OUTCOME.iter_unpack(records), part.start):
            reward, terminated, truncated, has_components, cell, *components = record
            if reward != reward:
                raise ValueError(f"environment {index} returned NaN as its reward")
            info = rest[index].get("info", {}) if index in rest else {}
            if has_components:
                info["reward_components"] = dict(zip(COMPONENTS, components, strict=True))
            if cell:
                info["cell"] = cell
            info["TimeLimit.truncated"] = truncated and not terminated
            infos.append(info)
            if terminated or truncated:
                ended.append(index)
        return infos, ended

    def _end_episode(self, index: int, info: dict[str, Any], rest: dict[str, Any]) -> None:
        keys, arrays = self._layout.observation_keys, self._arrays
        last = {key: arrays[f"terminal/{key}"][index].copy() for key in keys}
        info["terminal_observation"] = last[""] if self._layout.single else last
        restarted = self._pool.reset_infos.pop(index, {})
        self.reset_infos[index] = rest.get("reset_info", restarted)

    def _observations(self, group: int) -> Any:
        seen = self._seen[group][self._pool.buffer[group]]
        return seen[""] if self._layout.single else dict(seen)

    def _all_observations(self) -> VecEnvObs:
        keys, buffers = self._layout.observation_keys, self._pool.buffer
        if len(set(buffers)) == 1:
            whole = {key: self._arrays[f"obs/{key}"][buffers[0]].copy() for key in keys}
        else:  # groups were stepped one by one an odd number of times
            parts = list(zip(buffers, self.groups, strict=True))
            whole = {
                key: np.concatenate([self._arrays[f"obs/{key}"][b, p] for b, p in parts]) for key in keys
            }
        return whole[""] if self._layout.single else whole

    def step_async(self, actions: NDArray[Any]) -> None:
        """Send one action per environment. Raises ValueError for actions that are not whole numbers."""
        actions = np.asarray(actions)
        if actions.dtype.kind not in "iu":
            raise ValueError(f"actions of type {actions.dtype}: must be whole numbers")
        for group, part in enumerate(self.groups):
            self.step_group(group, actions[part])

    def step_wait(self) -> VecEnvStepReturn:
        """Return the results of ``step_async`` for all environments."""
        results = [self.wait_group(group) for group in range(self.n_groups)]
        rewards, dones = (np.concatenate([result[k] for result in results]) for k in (1, 2))
        return self._all_observations(), rewards, dones, [info for result in results for info in result[3]]

    def reset(self) -> VecEnvObs:
        """Begin a new episode in every environment, with the seeds and options set, which are used once."""
        if self._seeds[0] is not None:
            self._pool.base_seed = self._seeds[0]
        self._pool.reset(self._seeds, self._options)
        for index in list(self._pool.reset_infos):
            self.reset_infos[index] = self._pool.reset_infos.pop(index)
        self._reset_seeds()
        self._reset_options()
        return self._all_observations()

    # --- snapshots ---

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain values, bytes and arrays; call it when no step is under way."""
        environments = self.env_method("snapshot")  # first, because it may replace a lost worker
        return {
            "base_seed": self._pool.base_seed,
            "replaced": self._pool.replaced,
            "environments": environments,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> VecEnvObs:
        """Continue from a ``snapshot`` instead of calling ``reset()``; return its observations.

        Raises ValueError for another number of environments, and any exception of the environments.
        """
        environments = snapshot["environments"]
        if len(environments) != self.num_envs:
            raise ValueError(f"a snapshot of {len(environments)} environments, not {self.num_envs}")
        for index, environment in enumerate(environments):
            observation = self.env_method("restore", environment, indices=index)[0]
            self._put(index, observation)
        self._pool.base_seed = int(snapshot["base_seed"])
        self._pool.replaced = int(snapshot["replaced"])
        self._reset_seeds()
        self._reset_options()
        return self._all_observations()

    def _put(self, index: int, observation: Any) -> None:
        """Write an observation where this environment's last one is expected."""
        group = next(number for number, part in enumerate(self.groups) if part.start <= index < part.stop)
        for key in self._layout.observation_keys:
            whole = self._arrays[f"obs/{key}"]
            whole[self._pool.buffer[group], index] = observation if self._layout.single else observation[key]

    # --- requests ---

    def _ask_each(
        self, indices: VecEnvIndices, name: str, *arguments: Any, last: tuple[Any, ...] = ()
    ) -> list[Any]:
        """Return the answers of each environment; while a group steps, they come after that step."""
        return ask_each(self._pool, list(self._get_indices(indices)), name, *arguments, last=last)

    def has_attr(self, attr_name: str) -> bool:
        """Whether every environment has an attribute, which may be a method."""
        return all(self._ask_each(None, "has", attr_name))

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of each environment."""
        return self._ask_each(indices, "get", attr_name)

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of each environment."""
        self._ask_each(indices, "set", attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of each environment."""
        return self._ask_each(indices, "call", method_name, last=(method_args, method_kwargs))

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Whether each environment is wrapped in ``wrapper_class``."""
        return self._ask_each(indices, "is_wrapped", full_name(wrapper_class))

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return one image per environment, uint8 (height, width, 3)."""
        return self.env_method("render")

    def close(self) -> None:
        """Stop all workers; those still running after a second are killed. May be called again."""
        self._pool.close()


class EmulatorVecEnv(PooledVecEnv):
    """A VecEnv of ``env_fns`` in ``workers`` processes (default: one per core, at most one per environment).

    ``spaces``: observation and action space. If they are omitted, the last environment is created once more
    in this process to read them. The memory of PooledVecEnv's observations is shared with the workers.

    Raises WorkerFailed with the worker's traceback when an environment raises; a UserError is raised as is.
    """

    _pool: WorkerPool

    def __init__(
        self,
        env_fns: Sequence[EnvFn],
        workers: int | None = None,
        *,
        step_timeout: float = STEP_TIMEOUT,
        spaces: tuple[Space[Any], Space[Any]] | None = None,
    ) -> None:
        n_envs = len(env_fns)
        self.n_workers = max(1, min(workers or available_cores(), n_envs))
        spaces = spaces or _probe(env_fns[-1])
        layout = make_layout(spaces[0], n_envs)
        super().__init__(
            WorkerPool(env_fns, self.n_workers, min(GROUPS, n_envs), layout, step_timeout), spaces
        )

    @property
    def worker_pids(self) -> list[int]:
        """Process IDs of the workers."""
        return [worker.pid for worker in self._pool.workers]


def _probe(make: EnvFn) -> tuple[Space[Any], Space[Any]]:
    env = make()
    try:
        return env.observation_space, env.action_space
    finally:
        env.close()
