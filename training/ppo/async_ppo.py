"""PPO over actors of a cluster: results are taken in the order in which they come, and what does not come is
left out.

Every group fills its rows of the rollout buffer at its own pace. Rows that a group lacks, because it was lost
or because a rollout waits no longer for those that are late, are not learned from, not counted, and
advantages do not reach across them: what follows begins an episode, and the row of an action of which no
result came has its value for a reward, so that its advantage is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import DictRolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import obs_as_tensor

from envs.cluster.ray_vec_env import LOST
from training.environments.monitor import ClusterMonitor, GroupVecMonitor
from training.ppo.async_rollout import AsyncRollout, RolloutRow
from training.ppo.pipelined_ppo import PipelinedPPO
from training.ppo.rollout_buffer import ReusedRolloutBuffer

POLL = 0.5
"""Seconds between two looks at whether a rollout has waited long enough."""
CHOICE = ("episode_starts", "actions", "values", "log_probs")
"""Arrays of the buffer that hold, beside observations, what an action was chosen by."""
Choice = dict[str, NDArray[Any]]


class AsyncPPO(PipelinedPPO):
    """``PipelinedPPO`` over a ClusterMonitor.

    ``sampling_seed`` and the place of a step in the run decide how its action is drawn: one seed gives one
    run in whatever order results come, as long as no row is left out. ``late_factor``: see Arrivals.
    """

    draws_ahead = 1  # the generator is set anew for every step of a group
    sampling_seed = 0
    late_factor: float | None = None

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._late: dict[int, Choice] = {}  # choices of groups whose results the next rollout takes
        self._drawn_after = 0  # steps at the beginning of the rollout

    def _collect(
        self,
        env: GroupVecMonitor,
        callback: BaseCallback,
        rollout_buffer: DictRolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:
        assert isinstance(env, ClusterMonitor) and isinstance(rollout_buffer, ReusedRolloutBuffer)
        self.policy.set_training_mode(False)
        _blank(rollout_buffer)
        callback.on_rollout_start()
        if self.halted:
            return False
        self._take_weights()
        self._drawn_after = self.num_timesteps
        arrivals = AsyncRollout(env.groups, n_rollout_steps, self.late_factor)
        with self._own_randomness():
            if not self._fill(env, callback, rollout_buffer, arrivals):
                self._drain(env, arrivals)
                return False
        dones = self._last_dones(env, rollout_buffer, arrivals)
        rollout_buffer.full = True
        values = self._values(obs_as_tensor(self._observations(), self.device))
        rollout_buffer.compute_returns_and_advantage(last_values=values, dones=dones)
        callback.on_rollout_end()
        return True

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """What is drawn inside leaves torch's generators as they were."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            yield

    def _fill(
        self, env: ClusterMonitor, callback: BaseCallback, buffer: ReusedRolloutBuffer, arrivals: AsyncRollout
    ) -> bool:
        """All rows, as far as they come; False: a callback stopped."""
        self._begin_rows(env, buffer, arrivals)
        while not arrivals.over():
            news = self.rollout_times.waiting.time(env.next_news, POLL)
            if news is not None:
                group, is_result = news
                (self._take_result if is_result else self._take_back)(env, buffer, arrivals, group)
            while (row := arrivals.next_whole()) is not None:
                if not self._tell(row, callback, buffer, arrivals):
                    return False
        while arrivals.told < buffer.buffer_size:
            if not self._tell(arrivals.next_row(), callback, buffer, arrivals):
                return False
        return True

    def _tell(
        self, row: RolloutRow, callback: BaseCallback, buffer: ReusedRolloutBuffer, arrivals: AsyncRollout
    ) -> bool:
        """Let callbacks see a row; False: one of them stopped."""
        assert buffer.valid is not None
        self.num_timesteps += int(buffer.valid[arrivals.told - 1].sum())
        buffer.pos = arrivals.told
        seen = {"rewards": row.rewards, "dones": row.dones, "infos": row.infos, "n_steps": arrivals.told}
        callback.update_locals(seen)
        if not callback.on_step():
            return False
        self._update_info_buffer(row.infos, row.dones)
        return True

    # --- one group ---

    def _begin_rows(self, env: ClusterMonitor, buffer: ReusedRolloutBuffer, arrivals: AsyncRollout) -> None:
        # Copies: what reset() gave are views of memory that the next steps overwrite.
        self._last_obs = {key: array.copy() for key, array in self._observations().items()}
        late, self._late = self._late, {}
        for group, part in enumerate(env.groups):
            if env.venv.absent(group):
                continue
            arrivals.here.add(group)
            if env.venv.stepping(group):
                for name, array in late[group].items():
                    _array(buffer, name)[0, part] = array
            else:
                self._go_on(env, buffer, 0, group, {k: a[part] for k, a in self._observations().items()})

    def _go_on(
        self, env: GroupVecMonitor, buffer: ReusedRolloutBuffer, row: int, group: int, observations: Choice
    ) -> None:
        for key, array in observations.items():
            buffer.observations[key][row, env.groups[group]] = array
        self._choose(env, buffer, row, group)

    def _choose(self, env: GroupVecMonitor, buffer: DictRolloutBuffer, step: int, group: int) -> None:
        place = [self.sampling_seed, self._drawn_after, group, step]
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1)[0]))
        super()._choose(env, buffer, step, group)

    def _take_result(
        self, env: ClusterMonitor, buffer: ReusedRolloutBuffer, arrivals: AsyncRollout, group: int
    ) -> None:
        """A group's step is done, or its episodes were lost: fill its row, and send its next actions."""
        row, part = arrivals.at[group], env.groups[group]
        observations, rewards, dones, infos = self._wait(env, group)
        assert self._last_episode_starts is not None and buffer.valid is not None
        self._last_episode_starts[part] = dones
        lost = bool(infos[0].get(LOST))
        if lost:
            buffer.rewards[row, part] = buffer.values[row, part]
            arrivals.here.discard(group)
        else:
            buffer.rewards[row, part] = rewards + self._values_after_time_limit(dones, infos)
            buffer.valid[row, part] = True
        arrivals.note(group, rewards, dones, infos)
        if lost or row + 1 == buffer.buffer_size:
            self._set_last(part, cast(Choice, observations))
        else:
            self._go_on(env, buffer, row + 1, group, cast(Choice, observations))

    def _take_back(
        self, env: ClusterMonitor, buffer: ReusedRolloutBuffer, arrivals: AsyncRollout, group: int
    ) -> None:
        """A lost group is back: it goes on with the row that the others are at."""
        observations = env.venv.take_back(group)
        row = arrivals.join(group)
        if row < buffer.buffer_size:
            self._go_on(env, buffer, row, group, observations)
        else:
            self._set_last(env.groups[group], observations)

    def _set_last(self, part: slice, observations: Choice) -> None:
        for key, array in observations.items():
            self._observations()[key][part] = array

    # --- the end of a rollout ---

    def _last_dones(
        self, env: ClusterMonitor, buffer: ReusedRolloutBuffer, arrivals: AsyncRollout
    ) -> NDArray[np.bool_]:
        """Where no value follows the last row. Keeps the choices of groups that are late: the next rollout
        begins with what comes of them."""
        assert self._last_episode_starts is not None
        dones = self._last_episode_starts.copy()
        for group in arrivals.unfinished():
            row, part = arrivals.at[group], env.groups[group]
            names = (*CHOICE, *buffer.observations)
            self._late[group] = {name: _array(buffer, name)[row, part].copy() for name in names}
            buffer.rewards[row, part] = buffer.values[row, part]
            dones[part] = True
        return dones

    def _drain(self, env: ClusterMonitor, arrivals: AsyncRollout) -> None:
        """A callback stopped: take in the steps under way, so that the environments can be used further."""
        assert self._last_episode_starts is not None
        for group in arrivals.unfinished():
            observations, _, dones, _ = self._wait(env, group)
            self._last_episode_starts[env.groups[group]] = dones
            self._set_last(env.groups[group], cast(Choice, observations))


def _blank(buffer: ReusedRolloutBuffer) -> None:
    """Nothing is valid, and every row begins an episode that is worth nothing, until it is filled."""
    buffer.reset()
    buffer.valid = np.zeros((buffer.buffer_size, buffer.n_envs), np.bool_)
    buffer.rewards[:], buffer.values[:], buffer.episode_starts[:] = 0, 0, 1


def _array(buffer: ReusedRolloutBuffer, name: str) -> NDArray[Any]:
    """An array of the buffer, or of its observations, by name."""
    found: NDArray[Any] = buffer.observations[name] if name in buffer.observations else getattr(buffer, name)
    return found
