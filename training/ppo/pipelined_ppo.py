"""PPO over the groups of an EmulatorVecEnv: one group's emulators run while the policy acts for the other.

After a rollout the buffer holds what plain PPO would have stored for the same actions.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch as th
from numpy.typing import NDArray
from stable_baselines3.common.buffers import DictRolloutBuffer, RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.type_aliases import TensorDict
from stable_baselines3.common.utils import obs_as_tensor
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from callbacks.rollout_times import RolloutTimes
from training.environments.monitor import GroupVecMonitor
from training.policies.fast_inference import ActionChoice, RolloutActor
from training.policies.interface import Seen
from training.ppo.chunked_ppo import ChunkedPPO, threads
from training.ppo.intrinsic_rewards import IntrinsicRewards, RolloutEnd
from training.ppo.memory import Memory
from training.ppo.reward_shaping import RewardShaping
from training.ppo.rollout_buffer import ReusedRolloutBuffer

Results = tuple[NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]


class PipelinedPPO(ChunkedPPO):
    """``stable_baselines3.PPO`` over a GroupVecMonitor, with discrete actions and Dict observations.

    While callbacks run in a rollout, the next step is already under way.
    """

    halted = False
    """Set by a callback when a rollout starts, to end training before it."""
    shape_rewards = RewardShaping()
    """What the rollout buffer stores of the game's rewards; callbacks and infos see them as they are."""
    draws_ahead = 64
    """Steps of a group for which random numbers are drawn at once."""
    intrinsic: IntrinsicRewards | None = None
    """The run's learned reward; None: there is only the game's."""
    value_bootstrap = True
    """Whether the value of the last state follows where the time limit ended an episode."""
    memory: Memory | None = None
    """What the policy remembers of every environment; None: it remembers nothing."""
    _acting: RolloutActor | None = None

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.rollout_times = RolloutTimes()
        """How rollouts spent their time, for callbacks."""
        super().__init__(*arguments, **settings)

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Fill ``rollout_buffer`` with ``n_rollout_steps`` steps of each environment.

        Returns False if a callback stopped training.
        """
        if not isinstance(env, GroupVecMonitor) or not isinstance(rollout_buffer, DictRolloutBuffer):
            raise TypeError(f"{type(env).__name__} cannot be stepped group by group; make_vec_env makes one")
        with threads(1):  # the emulators need the cores
            return self._collect(env, callback, rollout_buffer, n_rollout_steps)

    def _collect(
        self,
        env: GroupVecMonitor,
        callback: BaseCallback,
        rollout_buffer: DictRolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        callback.on_rollout_start()
        if self.halted:
            return False
        self._take_weights()
        self._begin(env, rollout_buffer)
        for step in range(n_rollout_steps):
            last = step + 1 == n_rollout_steps
            results = [
                self._receive(env, rollout_buffer, step, group, last) for group in range(len(env.groups))
            ]
            rewards, dones = (np.concatenate([result[k] for result in results]) for k in (0, 1))
            infos = [info for result in results for info in result[2]]
            self.num_timesteps += env.num_envs
            rollout_buffer.pos = n_steps = step + 1
            callback.update_locals(locals())
            if not callback.on_step():
                self._abandon(env, under_way=not last)
                return False
            self._update_info_buffer(infos, dones)
        rollout_buffer.full = True
        self._finish(rollout_buffer, dones)
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _finish(self, buffer: DictRolloutBuffer, dones: NDArray[np.bool_]) -> None:
        """Compute returns and advantages of a complete rollout. A learned reward sees it before."""
        observations = self._last_seen()
        values = self._values(observations)
        if self.intrinsic is None:
            buffer.compute_returns_and_advantage(last_values=values, dones=dones)
            return
        assert isinstance(buffer, ReusedRolloutBuffer)
        own = self._own_values(observations) if self.intrinsic.has_value_head else None
        end = RolloutEnd(self._observations(), dones, values, own, self.num_timesteps)
        for name, value in self.intrinsic.finish(buffer, end).items():
            self.logger.record(f"intrinsic/{name}", value)

    def _last_seen(self) -> TensorDict | th.Tensor | Seen:
        """What follows the last step, for which no action is chosen yet."""
        if self.memory is None:
            return obs_as_tensor(self._observations(), self.device)
        assert self._last_episode_starts is not None
        return self.memory.next_step(self._observations(), self._last_episode_starts)

    def _after_episode(self, observation: Any, index: int) -> TensorDict | th.Tensor | Seen:
        """The last observation of an episode that has just ended in the environment ``index``."""
        if self.memory is None:
            return self.policy.obs_to_tensor(observation)[0]
        return self.memory.after_step(observation, index)

    def _own_values(self, observations: TensorDict | th.Tensor | Seen) -> NDArray[np.float32]:
        """The values of the learned reward's own head, (n,)."""
        with th.inference_mode():
            values: NDArray[np.float32] = self.policy.predict_intrinsic_values(observations).cpu().numpy()
        return values.flatten()

    def _note(self, step: int, part: slice, infos: list[dict[str, Any]]) -> None:
        """Tell the learned reward, if there is one, the infos of a step of the environments ``part``."""
        if self.intrinsic is not None:
            self.intrinsic.note(step, part, infos, self._own_value if self.value_bootstrap else None)

    def _own_value(self, observation: Any, index: int) -> float:
        return float(self._own_values(self._after_episode(observation, index))[0])

    def _values(self, observations: TensorDict | th.Tensor | Seen) -> th.Tensor:
        """The policy's values of the observations, (n, 1), on the CPU."""

        def values() -> th.Tensor:
            with th.inference_mode():
                return self.policy.predict_values(observations).cpu()

        return self.rollout_times.inference.time(values)

    def _take_weights(self) -> None:
        """Choose actions with the policy's current weights from here on."""
        if self._acting is None:
            self._acting = RolloutActor(self.policy, self.draws_ahead)
        self.rollout_times.inference.time(self._acting.refresh)

    def _observations(self) -> dict[str, NDArray[Any]]:
        """The last observation of every environment, for which no action is chosen yet."""
        return cast(dict[str, NDArray[Any]], self._last_obs)

    def _begin(self, env: GroupVecMonitor, buffer: DictRolloutBuffer) -> None:
        # Copies, since reset() returned views of shared memory that the next steps overwrite.
        self._last_obs = {key: array.copy() for key, array in self._observations().items()}
        for group, part in enumerate(env.groups):
            for key, array in self._observations().items():
                buffer.observations[key][0, part] = array[part]
            self._choose(env, buffer, 0, group)

    def _abandon(self, env: GroupVecMonitor, under_way: bool) -> None:
        """Receive the steps under way after a callback stopped, so that the environments stay usable."""
        for group, part in enumerate(env.groups if under_way else ()):
            observations, _, dones, _ = self._wait(env, group)
            assert self._last_episode_starts is not None
            self._last_episode_starts[part] = dones
            for key, array in cast(dict[str, NDArray[Any]], observations).items():
                self._observations()[key][part] = array

    def _choose(self, env: GroupVecMonitor, buffer: DictRolloutBuffer, step: int, group: int) -> None:
        """Choose one group's actions for the observations in the buffer at ``step`` and send them."""
        part = env.groups[group]
        observed = {key: array[step, part] for key, array in buffer.observations.items()}
        with self.precision():
            chosen = self.rollout_times.inference.time(self._chosen, observed, buffer, step, group, part)
        self.rollout_times.waiting.time(env.step_group, group, chosen.actions)
        assert self._last_episode_starts is not None
        buffer.episode_starts[step, part] = self._last_episode_starts[part]
        buffer.actions[step, part] = chosen.actions.reshape(-1, 1)
        buffer.values[step, part] = chosen.values
        buffer.log_probs[step, part] = chosen.log_probs
        if chosen.intrinsic_values is not None and self.intrinsic is not None:
            cast(ReusedRolloutBuffer, buffer).intrinsic_values[step, part] = chosen.intrinsic_values

    def _chosen(
        self, observed: dict[str, NDArray[Any]], buffer: DictRolloutBuffer, step: int, group: int, part: slice
    ) -> ActionChoice:
        if self.memory is None:
            assert self._acting is not None
            return self._acting.choose(observed, group)
        assert self._last_episode_starts is not None
        chosen, states = self.memory.choose(observed, part, self._last_episode_starts[part])
        cast(ReusedRolloutBuffer, buffer).store_states(step, part, states)
        return chosen

    def _wait(self, env: GroupVecMonitor, group: int) -> VecEnvStepReturn:
        """Wait for one group's results."""
        results = self.rollout_times.waiting.time(env.wait_group, group)
        if self.memory is not None:
            self.memory.keep(env.groups[group])
        return results

    def _receive(
        self, env: GroupVecMonitor, buffer: DictRolloutBuffer, step: int, group: int, last: bool
    ) -> Results:
        """Receive one group's results of ``step`` and, unless it is the ``last``, send its next actions."""
        part = env.groups[group]
        observations, rewards, dones, infos = self._wait(env, group)
        assert self._last_episode_starts is not None
        self._last_episode_starts[part] = dones
        for key, array in cast(dict[str, NDArray[Any]], observations).items():
            if last:
                self._observations()[key][part] = array
            else:
                buffer.observations[key][step + 1, part] = array
        if not last:
            self._choose(env, buffer, step + 1, group)
        buffer.rewards[step, part] = self._learned_from(rewards, dones, infos, part)
        self._note(step, part, infos)
        return rewards, dones, infos

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_acting", "intrinsic", "memory", "rollout_times"]

    def _learned_from(
        self, rewards: NDArray[np.float32], dones: NDArray[np.bool_], infos: list[dict[str, Any]], part: slice
    ) -> NDArray[np.float32]:
        """The rewards for the buffer: shaped, with the value of what a time limit cut off."""
        shaped = self.shape_rewards(rewards)
        if self.intrinsic is not None:
            shaped = self.intrinsic.weighted(shaped, self.num_timesteps)
        return shaped + self._values_after_time_limit(dones, infos, part)

    def _values_after_time_limit(
        self, dones: NDArray[np.bool_], infos: list[dict[str, Any]], part: slice
    ) -> NDArray[np.float32]:
        """gamma times the value of the last observation, where only the time limit ended an episode."""
        extra = np.zeros(len(dones), np.float32)
        for index in dones.nonzero()[0] if self.value_bootstrap else ():
            if infos[index].get("TimeLimit.truncated", False):
                last = self._after_episode(infos[index]["terminal_observation"], part.start + int(index))
                extra[index] = self.gamma * float(self._values(last))
        return extra
