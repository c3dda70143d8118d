"""The reverse model of a run: it learns beside actor and critic, and its error can train the encoders."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from training.config.schema import TrainConfig
from training.config.sections.reverse_model import ReverseModelConfig
from training.learned_rewards.interface import Scores
from training.learned_rewards.torch_state import (
    module_state,
    optimizer_state,
    restore_module,
    restore_optimizer,
)
from training.policies.reverse_network import ReverseNetwork, Transitions
from training.policies.tile_policy import ACTIVATIONS, GamePolicy
from training.ppo.imitation import Gradient, Learner
from training.ppo.rollout_buffer import Indices, ReusedRolloutBuffer

SEED = 0x524556
"""Added to the run's seed, so that this network and the policy's begin with different numbers."""


class Learning(Learner, Protocol):
    """The parts of a ChunkedPPO that the model needs."""

    rollout_buffer: ReusedRolloutBuffer


class ReverseModel:
    """A ReverseNetwork over the features that the actor's hidden layers get, and with layers of their sizes.

    It learns from transitions within episodes, which are drawn for each minibatch of the policy by a random
    generator of its own. Values are the rollout's, with mean 0 and standard deviation 1. ``begin`` must be
    called for each rollout.
    """

    def __init__(self, policy: GamePolicy, config: TrainConfig, section: ReverseModelConfig) -> None:
        assert isinstance(policy.action_space, spaces.Discrete)
        self._section, network = section, config.network
        sizes = policy.features_dim, int(policy.action_space.n), network.hidden
        with torch.random.fork_rng(devices=[policy.device] if policy.device.type == "cuda" else []):
            torch.manual_seed(SEED + config.seed)
            self._network = ReverseNetwork(*sizes, ACTIVATIONS[network.activation]).to(policy.device)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=section.learning_rate)
        self._random = np.random.default_rng([config.seed, SEED])
        self._follows = np.zeros(0, np.bool_)
        self._usable = np.zeros(0, np.int64)
        self._mean, self._std = 0.0, 1.0

    @property
    def coefficient(self) -> float:
        """Weight of the error in the policy's loss."""
        return self._section.coefficient

    def begin(self, buffer: ReusedRolloutBuffer) -> None:
        """Take in a rollout: where the next step belongs to the same episode, and what values are like."""
        firsts = follows = within_episodes(buffer)
        if buffer.sequence:  # computed as a whole, and without the step that follows the last one
            follows[buffer.sequence - 1 :: buffer.sequence] = False
            firsts = np.zeros_like(follows)
            firsts[:: buffer.sequence] = follows.reshape(-1, buffer.sequence, buffer.n_envs).any(axis=1)
        self._follows, self._usable = follows.reshape(-1), np.flatnonzero(firsts)
        self._measure_values(buffer)

    def _measure_values(self, buffer: ReusedRolloutBuffer) -> None:
        values = buffer.learned("values")
        self._mean, self._std = float(values.mean()), float(values.std()) + 1e-8

    def score(self, learner: Learning) -> Scores:
        """Return the error of each step in the rollout of ``learner``, float32 (n_steps, n_envs).

        0 where no step of the same episode follows in the rollout.
        """
        buffer = learner.rollout_buffer
        self._measure_values(buffer)
        errors = np.zeros((buffer.buffer_size, buffer.n_envs), np.float32)
        scored, features = np.flatnonzero(within_episodes(buffer)), self._all_features(learner)

        def work(part: slice) -> torch.Tensor:
            steps = scored[part]
            after = steps + buffer.n_envs
            with torch.no_grad():
                return self._compare(learner, features[steps], features[after], steps).cpu()

        found = list(learner.by_chunks(work, len(scored)))
        if found:
            errors.reshape(-1)[scored] = torch.cat(found).numpy()
        return errors

    def _all_features(self, learner: Learning) -> torch.Tensor:
        """Features of all steps in the rollout, (n_steps x n_envs, width)."""
        buffer = learner.rollout_buffer
        every = np.arange(buffer.buffer_size * buffer.n_envs)
        if buffer.sequence:  # one whole sequence after the other
            every = every.reshape(-1, buffer.sequence, buffer.n_envs).swapaxes(1, 2).reshape(-1)

        def work(part: slice) -> torch.Tensor:
            with learner.precision(), torch.no_grad():
                return learner.policy.actor_features(buffer.seen_at(every[part])).float()

        found = torch.cat(list(learner.by_chunks(work, len(every))))
        return torch.empty_like(found).index_copy_(0, torch.from_numpy(every).to(found.device), found)

    def learn(self, learner: Learning) -> float | None:
        """Take a step of the optimizer, and add ``coefficient`` times the error's gradient to the policy's.

        Returns the mean error, or None if no step of the rollout is followed by one of its episode. Raises
        ValueError if the error is not finite.
        """
        if not len(self._usable):
            return None
        indices = self._draw(learner.rollout_buffer)
        number = int(np.count_nonzero(self._follows[indices]))
        own, others = list(self._network.parameters()), list(learner.policy.parameters())
        parameters = [*own, *others] if self.coefficient else own
        weights = [1.0] * len(own) + [self.coefficient] * (len(parameters) - len(own))

        def work(part: slice) -> tuple[float, Gradient]:
            error = self._errors(learner, indices[part]).sum() / number
            return error.item(), torch.autograd.grad(error, parameters, allow_unused=True)

        total = 0.0
        self._optimizer.zero_grad()
        for error, gradients in learner.by_chunks(work, len(indices)):
            total += error
            for parameter, gradient, weight in zip(parameters, gradients, weights, strict=True):
                _add(parameter, gradient, weight)
        if not np.isfinite(total):
            raise ValueError(f"the error of the reverse model is {total}")
        self._optimizer.step()
        return total

    def _draw(self, buffer: ReusedRolloutBuffer) -> Indices:
        """Draw steps that are followed by another, or whole sequences, with replacement."""
        length = max(1, buffer.sequence)
        number = max(1, self._section.batch_size // length)
        firsts = self._usable[self._random.integers(0, len(self._usable), number)]
        return (firsts[:, np.newaxis] + np.arange(length) * buffer.n_envs).reshape(-1)

    def _errors(self, learner: Learning, indices: Indices) -> torch.Tensor:
        """The error of each of these steps that is followed by one of its episode."""
        buffer, before = learner.rollout_buffer, np.flatnonzero(self._follows[indices])
        steps, after = indices[before], before + 1
        if not buffer.sequence:  # the next steps are computed beside them
            indices, after = np.concatenate([indices, indices + buffer.n_envs]), before + len(indices)
        with learner.precision(), nullcontext() if self.coefficient else torch.no_grad():
            features = learner.policy.actor_features(buffer.seen_at(indices))
        return self._compare(learner, features[before], features[after], steps)

    def _compare(
        self, learner: Learning, before: torch.Tensor, after: torch.Tensor, steps: Indices
    ) -> torch.Tensor:
        """The errors of these steps, (n,), from the features before and after each, (n, width)."""
        buffer = learner.rollout_buffer
        values = (buffer.numbers_at("values", steps + buffer.n_envs) - self._mean) / self._std
        actions = buffer.numbers_at("actions", steps).long()
        with learner.precision():
            return self._network.errors(Transitions(before, after, actions, values))

    def snapshot(self) -> dict[str, Any]:
        """Return copies of the weights, the optimizer's moments and the state of the random generator."""
        return {
            "network": module_state(self._network),
            "optimizer": optimizer_state(self._optimizer),
            "random": self._random.bit_generator.state,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        restore_module(self._network, snapshot["network"])
        restore_optimizer(self._optimizer, snapshot["optimizer"])
        self._random.bit_generator.state = snapshot["random"]


class ReverseModelState(BaseCallback):
    """Makes the state of ``model`` part of checkpoints. See training.checkpoints.callback_states."""

    state_key = "reverse_model"

    def __init__(self, reverse: ReverseModel) -> None:
        super().__init__()
        self._reverse = reverse

    def snapshot(self) -> dict[str, Any]:
        """Return the model's state."""
        return self._reverse.snapshot()

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        self._reverse.restore(snapshot)

    def _on_step(self) -> bool:
        return True


def within_episodes(buffer: ReusedRolloutBuffer) -> NDArray[np.bool_]:
    """Which steps of a rollout are followed by another of their episode, (n_steps, n_envs)."""
    follows = np.zeros((buffer.buffer_size, buffer.n_envs), np.bool_)
    follows[:-1] = buffer.episode_starts[1:] == 0
    if buffer.valid is not None:
        follows[:-1] &= buffer.valid[1:] & buffer.valid[:-1]
    return follows


def _add(parameter: torch.Tensor, gradient: torch.Tensor | None, weight: float) -> None:
    if gradient is not None:
        gradient = gradient * weight
        parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
