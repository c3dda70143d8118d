"""PPO over the actors of a cluster, which takes results in the order in which they arrive.

Every group fills its rows of the rollout buffer at its own pace. Rows that a group misses, because it was
lost or is late, are neither learned from nor counted, and advantages do not reach across them. The next row
begins an episode, and an action whose result is missing gets its value as reward, so that its advantage is 0.
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

from envs.cluster.ray_vec_env import LOST
from training.environments.monitor import ClusterMonitor, GroupVecMonitor
from training.ppo.async_rollout import AsyncRollout, RolloutRow
from training.ppo.pipelined_ppo import PipelinedPPO
from training.ppo.rollout_buffer import ReusedRolloutBuffer

POLL = 0.5
"""Seconds between two checks of whether a rollout has waited long enough."""
CHOICE = ("episode_starts", "actions", "values", "log_probs")
"""Arrays of the buffer that, with the observations, describe how an action was chosen."""
Choice = dict[str, NDArray[Any]]


class AsyncPPO(PipelinedPPO):
    """``PipelinedPPO`` over a ClusterMonitor.

    ``sampling_seed`` and the position of a step in the run decide how its action is drawn. One seed thus
    gives one run in whatever order results arrive, unless rows are missing. ``late_factor``: see
    AsyncRollout.
    """

    draws_ahead = 1  # the generator is seeded anew for every step of a group
    sampling_seed = 0
    late_factor: float | None = None

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._late: dict[int, Choice] = {}  # choices of late groups, whose results the next rollout takes
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
        rollout = AsyncRollout(env.groups, n_rollout_steps, self.late_factor)
        with self._own_randomness():
            if not self._fill(env, callback, rollout_buffer, rollout):
                self._drain(env, rollout)
                return False
        dones = self._last_dones(env, rollout_buffer, rollout)
        rollout_buffer.full = True
        self._finish(rollout_buffer, dones)
        callback.on_rollout_end()
        return True

    @property
    def _choice(self) -> tuple[str, ...]:
        own = self.intrinsic is not None and self.intrinsic.has_value_head
        return (*CHOICE, "intrinsic_values") if own else CHOICE

    @contextmanager
    def _own_randomness(self) -> Iterator[None]:
        """Context that restores torch's generators when it is left."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            yield

    def _fill(
        self, env: ClusterMonitor, callback: BaseCallback, buffer: ReusedRolloutBuffer, rollout: AsyncRollout
    ) -> bool:
        """Fill all rows with the results that arrive. Returns False if a callback stopped training."""
        self._begin_rows(env, buffer, rollout)
        while not rollout.over():
            news = self.rollout_times.waiting.time(env.next_news, POLL)
            if news is not None:
                group, is_result = news
                (self._take_result if is_result else self._resume_group)(env, buffer, rollout, group)
            while (row := rollout.next_complete()) is not None:
                if not self._report(row, callback, buffer, rollout):
                    return False
        while rollout.reported < buffer.buffer_size:
            if not self._report(rollout.next_row(), callback, buffer, rollout):
                return False
        return True

    def _report(
        self, row: RolloutRow, callback: BaseCallback, buffer: ReusedRolloutBuffer, rollout: AsyncRollout
    ) -> bool:
        """Run the callbacks on a row. Returns False if one of them stopped training."""
        assert buffer.valid is not None
        self.num_timesteps += int(buffer.valid[rollout.reported - 1].sum())
        buffer.pos = rollout.reported
        seen = {"rewards": row.rewards, "dones": row.dones, "infos": row.infos, "n_steps": rollout.reported}
        callback.update_locals(seen)
        if not callback.on_step():
            return False
        self._update_info_buffer(row.infos, row.dones)
        return True

    # --- one group ---

    def _begin_rows(self, env: ClusterMonitor, buffer: ReusedRolloutBuffer, rollout: AsyncRollout) -> None:
        # Copies, since reset() returned views of memory that the next steps overwrite.
        self._last_obs = {key: array.copy() for key, array in self._observations().items()}
        late, self._late = self._late, {}
        for group, part in enumerate(env.groups):
            if env.venv.absent(group):
                continue
            rollout.present.add(group)
            if env.venv.stepping(group):
                for name, array in late[group].items():
                    _array(buffer, name)[0, part] = array
            else:
                self._continue(env, buffer, 0, group, {k: a[part] for k, a in self._observations().items()})

    def _continue(
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
        self, env: ClusterMonitor, buffer: ReusedRolloutBuffer, rollout: AsyncRollout, group: int
    ) -> None:
        """Fill a group's row with the result of its step, or mark it lost, and send its next actions."""
        row, part = rollout.at[group], env.groups[group]
        observations, rewards, dones, infos = self._wait(env, group)
        assert self._last_episode_starts is not None and buffer.valid is not None
        self._last_episode_starts[part] = dones
        lost = bool(infos[0].get(LOST))
        if lost:
            buffer.rewards[row, part] = buffer.values[row, part]
            rollout.present.discard(group)
        else:
            buffer.rewards[row, part] = self._learned_from(rewards, dones, infos, part)
            buffer.valid[row, part] = True
            self._note(row, part, infos)
        rollout.note(group, rewards, dones, infos)
        if lost or row + 1 == buffer.buffer_size:
            self._set_last(part, cast(Choice, observations))
        else:
            self._continue(env, buffer, row + 1, group, cast(Choice, observations))

    def _resume_group(
        self, env: ClusterMonitor, buffer: ReusedRolloutBuffer, rollout: AsyncRollout, group: int
    ) -> None:
        """Let a lost group that is back continue with the row that the others are at."""
        observations = env.venv.take_back(group)
        row = rollout.join(group)
        if row < buffer.buffer_size:
            self._continue(env, buffer, row, group, observations)
        else:
            self._set_last(env.groups[group], observations)

    def _set_last(self, part: slice, observations: Choice) -> None:
        for key, array in observations.items():
            self._observations()[key][part] = array

    # --- the end of a rollout ---

    def _last_dones(
        self, env: ClusterMonitor, buffer: ReusedRolloutBuffer, rollout: AsyncRollout
    ) -> NDArray[np.bool_]:
        """Return the environments, as a mask, whose last row is not followed by a value.

        The choices of late groups are kept, since the next rollout begins with their results.
        """
        assert self._last_episode_starts is not None
        dones = self._last_episode_starts.copy()
        for group in rollout.unfinished():
            row, part = rollout.at[group], env.groups[group]
            names = (*self._choice, *buffer.observations)
            self._late[group] = {name: _array(buffer, name)[row, part].copy() for name in names}
            if self.memory is not None:
                self._late[group]["states"] = self.memory.before_step[part].copy()
            buffer.rewards[row, part] = buffer.values[row, part]
            dones[part] = True
        return dones

    def _drain(self, env: ClusterMonitor, rollout: AsyncRollout) -> None:
        """Receive the steps under way after a callback stopped, so that the environments stay usable."""
        assert self._last_episode_starts is not None
        for group in rollout.unfinished():
            observations, _, dones, _ = self._wait(env, group)
            self._last_episode_starts[env.groups[group]] = dones
            self._set_last(env.groups[group], cast(Choice, observations))


def _blank(buffer: ReusedRolloutBuffer) -> None:
    """Reset the buffer: until a row is filled it is invalid and begins an episode of value 0."""
    buffer.reset()
    buffer.valid = np.zeros((buffer.buffer_size, buffer.n_envs), np.bool_)
    buffer.rewards[:], buffer.values[:], buffer.episode_starts[:] = 0, 0, 1


def _array(buffer: ReusedRolloutBuffer, name: str) -> NDArray[Any]:
    """Return an array of the buffer, or of its observations, by name."""
    found: NDArray[Any] = buffer.observations[name] if name in buffer.observations else getattr(buffer, name)
    return found
