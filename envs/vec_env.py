"""Many emulators in few processes over shared memory: a stable-baselines3 VecEnv.

Environments are split into two groups, and every worker holds some of each: while the policy chooses actions
for one group, the workers step the other (``step_group`` and ``wait_group``). ``step`` does all groups and
gives what DummyVecEnv gives for the same seeds and actions. A worker that dies or hangs is replaced; the
episodes that ran in it end as truncated with the last observation that came.
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
    """A VecEnv over whoever steps the environments, group by group or all at once.

    Observations that ``step`` and ``reset`` return are views of memory that is written again in the step
    after the next; copy what must live longer (stable-baselines3's rollout buffers do).
    """

    def __init__(self, crew: PoolProtocol, spaces: tuple[Space[Any], Space[Any]]) -> None:
        self._crew = crew
        self._layout, self._arrays = crew.layout, crew.arrays
        self.groups = crew.groups
        """Which environments each group holds."""
        self.n_groups = len(crew.groups)
        keys = crew.layout.observation_keys
        self._seen = [
            [{key: crew.arrays[f"obs/{key}"][buffer, part] for key in keys} for buffer in range(BUFFERS)]
            for part in crew.groups
        ]
        try:
            super().__init__(sum(map(len, crew.held)), *spaces)  # asks the environments for a render mode
        except BaseException:
            crew.close()
            raise

    # --- steps ---

    def step_group(self, group: int, actions: NDArray[np.int64]) -> None:
        """Send ``actions``, int (size of the group,), and return; ``wait_group`` gives the results."""
        part = self.groups[group]
        self._arrays["actions"][part] = actions
        self._arrays["rewards"][part] = np.nan  # a slot that nobody writes shows
        self._crew.step(group)

    def wait_group(self, group: int) -> VecEnvStepReturn:
        """Observations, float32 rewards, bool dones and infos of one group's environments, in their order."""
        rest, lost = self._crew.wait(group)
        for index in lost:
            end_lost_episode(self._crew, group, index)
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
        """Of the environments in ``part``, as DummyVecEnv gives them but for what ends an episode; and whose
        episodes ended. Raises ValueError for a reward that is no number."""
        infos, ended = [], []
        records = self._crew.outcomes[part.start * OUTCOME.size : part.stop * OUTCOME.size]
        for index, record in enumerate(OUTCOME.iter_unpack(records), part.start):
            reward, terminated, truncated, has_components, *components = record
            if reward != reward:
                raise ValueError(f"environment {index} gave no number as its reward")
            info = rest[index].get("info", {}) if index in rest else {}
            if has_components:
                info["reward_components"] = dict(zip(COMPONENTS, components, strict=True))
            info["TimeLimit.truncated"] = truncated and not terminated
            infos.append(info)
            if terminated or truncated:
                ended.append(index)
        return infos, ended

    def _end_episode(self, index: int, info: dict[str, Any], rest: dict[str, Any]) -> None:
        keys, arrays = self._layout.observation_keys, self._arrays
        last = {key: arrays[f"terminal/{key}"][index].copy() for key in keys}
        info["terminal_observation"] = last[""] if self._layout.single else last
        restarted = self._crew.reset_infos.pop(index, {})
        self.reset_infos[index] = rest.get("reset_info", restarted)

    def _observations(self, group: int) -> Any:
        seen = self._seen[group][self._crew.buffer[group]]
        return seen[""] if self._layout.single else dict(seen)

    def _all_observations(self) -> VecEnvObs:
        keys, buffers = self._layout.observation_keys, self._crew.buffer
        if len(set(buffers)) == 1:
            whole = {key: self._arrays[f"obs/{key}"][buffers[0]] for key in keys}
        else:  # groups were stepped one by one an odd number of times
            parts = list(zip(buffers, self.groups, strict=True))
            whole = {
                key: np.concatenate([self._arrays[f"obs/{key}"][b, p] for b, p in parts]) for key in keys
            }
        return whole[""] if self._layout.single else whole

    def step_async(self, actions: NDArray[Any]) -> None:
        """Send one action per environment."""
        for group, part in enumerate(self.groups):
            self.step_group(group, actions[part])

    def step_wait(self) -> VecEnvStepReturn:
        """What ``step_async`` led to, for all environments."""
        results = [self.wait_group(group) for group in range(self.n_groups)]
        rewards, dones = (np.concatenate([result[k] for result in results]) for k in (1, 2))
        return self._all_observations(), rewards, dones, [info for result in results for info in result[3]]

    def reset(self) -> VecEnvObs:
        """Start a new episode everywhere, with the seeds and options that were set, which count once."""
        if self._seeds[0] is not None:
            self._crew.base_seed = self._seeds[0]
        self._crew.reset(self._seeds, self._options)
        for index in list(self._crew.reset_infos):
            self.reset_infos[index] = self._crew.reset_infos.pop(index)
        self._reset_seeds()
        self._reset_options()
        return self._all_observations()

    # --- snapshots ---

    def snapshot(self) -> dict[str, Any]:
        """Everything that the next steps depend on, when no step is under way: plain values, bytes,
        arrays."""
        environments = self.env_method("snapshot")  # first, since it may find out that a worker is lost
        return {
            "base_seed": self._crew.base_seed,
            "replaced": self._crew.replaced,
            "environments": environments,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> VecEnvObs:
        """Go on from a ``snapshot``, in place of ``reset()``; the observations that come next, as views.

        Raises ValueError for another number of environments, and what the environments raise.
        """
        environments = snapshot["environments"]
        if len(environments) != self.num_envs:
            raise ValueError(f"a snapshot of {len(environments)} environments, not {self.num_envs}")
        for index, environment in enumerate(environments):
            observation = self.env_method("restore", environment, indices=index)[0]
            self._put(index, observation)
        self._crew.base_seed = int(snapshot["base_seed"])
        self._crew.replaced = int(snapshot["replaced"])
        self._reset_seeds()
        self._reset_options()
        return self._all_observations()

    def _put(self, index: int, observation: Any) -> None:
        """An observation to where the last one of this environment would be."""
        group = next(number for number, part in enumerate(self.groups) if part.start <= index < part.stop)
        for key in self._layout.observation_keys:
            whole = self._arrays[f"obs/{key}"]
            whole[self._crew.buffer[group], index] = observation if self._layout.single else observation[key]

    # --- requests ---

    def _ask_each(
        self, indices: VecEnvIndices, name: str, *arguments: Any, last: tuple[Any, ...] = ()
    ) -> list[Any]:
        """A request about each environment, also while a group steps (it is answered after that step)."""
        return ask_each(self._crew, list(self._get_indices(indices)), name, *arguments, last=last)

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of each environment."""
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
        """Whether each environment wears ``wrapper_class``."""
        return self._ask_each(indices, "is_wrapped", full_name(wrapper_class))

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """One picture per environment, uint8 (height, width, 3)."""
        return self.env_method("render")

    def close(self) -> None:
        """Stop every worker; what does not stop in a second is killed. May be called again."""
        self._crew.close()


class EmulatorVecEnv(PooledVecEnv):
    """``env_fns`` made in ``workers`` processes (default: one per core, at most one per environment).

    ``spaces``: observation and action space; the last environment is made once more in this process to learn
    them when they are left out. The memory of PooledVecEnv's observations is shared with the workers.

    Raises WorkerFailed with the worker's own traceback when an environment raises, but a UserError as it is.
    """

    _crew: WorkerPool

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
        """Process ids of the workers."""
        return [worker.pid for worker in self._crew.workers]


def _probe(make: EnvFn) -> tuple[Space[Any], Space[Any]]:
    env = make()
    try:
        return env.observation_space, env.action_space
    finally:
        env.close()
