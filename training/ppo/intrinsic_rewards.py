"""The learned reward of a run: how its scores get into a rollout's rewards or advantages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.utils import explained_variance

from envs.cells import NO_CELL
from training.config.schedules import ScheduleFunction
from training.config.sections.intrinsic_base import IntrinsicConfig
from training.learned_rewards.advantages import ValuedSteps, advantages
from training.learned_rewards.interface import RewardModel, Rollout, Scores
from training.ppo.rollout_buffer import ReusedRolloutBuffer

Observations = Mapping[str, NDArray[np.uint8]]
ValueOf = Callable[[Any, int], float]
"""From the last observation of an episode, and the number of its environment, to its value in the eyes of the
learned reward's own head."""


@dataclass(frozen=True, slots=True)
class RolloutEnd:
    """What a rollout ended with: observations, dones, values of the game's reward, (n_envs, 1), and of the
    learned one, (n_envs,), and the run's step count."""

    last: Observations
    dones: NDArray[np.bool_]
    values: torch.Tensor
    own_values: NDArray[np.float32] | None
    steps: int


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the learned reward and of the game's, as functions of the run's step count."""

    learned: ScheduleFunction
    game: ScheduleFunction


class IntrinsicRewards:
    """``model`` and how it is mixed with the game's reward."""

    def __init__(
        self,
        model: RewardModel,
        config: IntrinsicConfig,
        weights: Weights,
        buffer: ReusedRolloutBuffer,
    ) -> None:
        self.model = model
        self._config, self._weights = config, weights
        shape = buffer.buffer_size, buffer.n_envs
        self._cells = np.zeros(shape, np.uint64)
        self._after_limit = np.zeros(shape, np.float32)
        if config.has_value_head:
            buffer.add_intrinsic_numbers()

    @property
    def has_value_head(self) -> bool:
        """Whether the policy has a value head for the learned reward."""
        return self._config.has_value_head

    def note(
        self, step: int, part: slice, infos: Sequence[Mapping[str, Any]], value_of: ValueOf | None
    ) -> None:
        """Take in the infos of a step of the environments ``part``.

        ``value_of``: None if no value follows where the time limit ended an episode.
        """
        self._cells[step, part] = [info.get("cell", NO_CELL) for info in infos]
        if self._config.gamma is None or not self._config.episodic or value_of is None:
            return
        self._after_limit[step, part] = 0
        for index, info in enumerate(infos, part.start):
            if info.get("TimeLimit.truncated", False):  # as for the game's reward, returns do not end there
                value = self._config.gamma * value_of(info["terminal_observation"], index)
                self._after_limit[step, index] = value

    def weighted(self, rewards: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
        """Return rewards of the game times their weight. With a value head of its own for the learned reward,
        advantages are weighted instead."""
        return rewards if self.has_value_head else rewards * np.float32(self._weights.game(steps))

    def finish(self, buffer: ReusedRolloutBuffer, end: RolloutEnd) -> dict[str, float]:
        """Score the rollout, compute its returns and advantages, and let the model learn from it.

        Returns curves by name.
        """
        rollout = self._rollout(buffer, end)
        scores = np.where(rollout.valid, self.model.score(rollout), np.float32(0))
        coefficient, game = self._weights.learned(end.steps), self._weights.game(end.steps)
        used = scores[rollout.valid]
        curves = {
            "coefficient": coefficient,
            "game_coefficient": game,
            "reward_mean": float(used.mean()) if len(used) else 0.0,
            "reward_max": float(used.max()) if len(used) else 0.0,
        }
        if self._config.gamma is None:
            buffer.rewards += np.float32(coefficient) * scores
            buffer.compute_returns_and_advantage(last_values=end.values, dones=end.dones)
        else:
            buffer.compute_returns_and_advantage(last_values=end.values, dones=end.dones)
            curves |= self._mix_advantages(buffer, end, scores, coefficient)
        return curves | self.model.update(rollout)

    def _mix_advantages(
        self, buffer: ReusedRolloutBuffer, end: RolloutEnd, scores: Scores, coefficient: float
    ) -> dict[str, float]:
        """Add the advantages of the learned reward, and set the returns that its head learns from."""
        config, values = self._config, buffer.intrinsic_values
        assert config.gamma is not None and end.own_values is not None
        valid = _valid(buffer)
        if config.episodic:
            scores = scores + self._after_limit * valid
            ends = np.concatenate([buffer.episode_starts[1:] > 0, end.dones[np.newaxis]])
        else:
            ends = np.zeros(scores.shape, np.bool_)
        steps = ValuedSteps(scores, values, end.own_values, ends, valid)
        own = advantages(steps, config.gamma, buffer.gae_lambda)
        buffer.intrinsic_returns[:] = own + values
        buffer.advantages *= np.float32(self._weights.game(end.steps))
        buffer.advantages += np.float32(coefficient) * own
        returns = buffer.intrinsic_returns[valid]
        explained = float(explained_variance(values[valid], returns)) if len(returns) else float("nan")
        return {"explained_variance": explained}

    def _rollout(self, buffer: ReusedRolloutBuffer, end: RolloutEnd) -> Rollout:
        return Rollout(
            observations=buffer.observations,
            last=end.last,
            actions=buffer.actions[:, :, 0].astype(np.int64),
            episode_starts=buffer.episode_starts > 0,
            dones=end.dones,
            cells=self._cells,
            valid=_valid(buffer),
        )


def _valid(buffer: ReusedRolloutBuffer) -> NDArray[np.bool_]:
    everything = np.ones((buffer.buffer_size, buffer.n_envs), np.bool_)
    return everything if buffer.valid is None else buffer.valid
