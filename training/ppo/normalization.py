"""Moves the statistics of normalised values and inputs once per rollout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy

from envs.errors import UserError
from training.policies.encoders import IdEncoder, NumberEncoder
from training.policies.features import GameFeatures
from training.policies.popart import PopArtHead
from training.policies.running_moments import RunningMoments
from training.ppo.rollout_buffer import ReusedRolloutBuffer


class Rollout(Protocol):
    """The steps from which statistics of inputs come: observations by name, (steps, environments, ...).

    ``valid`` is a mask (steps, environments); None: all.
    """

    @property
    def observations(self) -> Mapping[str, NDArray[np.uint8]]: ...
    @property
    def buffer_size(self) -> int: ...
    @property
    def n_envs(self) -> int: ...
    @property
    def valid(self) -> NDArray[np.bool_] | None: ...


def follow_returns(policy: ActorCriticPolicy, buffer: ReusedRolloutBuffer) -> None:
    """Add a rollout's returns to the statistics of a PopArtHead. Call it before the rollout's update.

    No value changes. Raises ValueError if the returns are not finite.
    """
    if isinstance(policy.value_net, PopArtHead):
        policy.value_net.follow(torch.from_numpy(buffer.learned("returns")).to(policy.device))


def follow_inputs(policy: ActorCriticPolicy, buffer: Rollout) -> None:
    """Add a rollout's numbers to the statistics of normalised inputs. Call it after the rollout's update.

    Values and log-probabilities in the buffer belong to the statistics under which they were computed.
    """
    for inputs in _normalized_inputs(policy):
        mean, variance, count = _moments(buffer, inputs)
        inputs.moments.add(_on(policy, mean), _on(policy, variance), count)


def value_statistics(policy: ActorCriticPolicy) -> dict[str, float]:
    """Mean and standard deviation of the returns so far by TensorBoard key; empty without a PopArtHead."""
    if not isinstance(policy.value_net, PopArtHead):
        return {}
    returns = policy.value_net.returns
    return {"train/value_mean": returns.mean.item(), "train/value_std": returns.std().item()}


def require_inputs(policy: ActorCriticPolicy) -> None:
    """Raise UserError if none of the policy's observations are numbers that could be normalised."""
    if next(_normalized_inputs(policy), None) is None:
        raise UserError(
            "normalize_input has no effect: none of the observations are numbers; leave it off, or observe"
            " more, such as party or team"
        )


class _Inputs(NamedTuple):
    """Statistics of some columns of the observations ``names``, side by side."""

    moments: RunningMoments
    names: list[str]
    columns: NDArray[np.int64] | slice


def _normalized_inputs(policy: ActorCriticPolicy) -> Iterator[_Inputs]:
    """Yield the statistics of all encoders that normalise, each once."""
    for features in policy.modules():  # each once, also where actor and critic share it
        if not isinstance(features, GameFeatures):
            continue
        for name, parts in (("numbers", features.numbers), ("facts", features.described)):
            encoder = features.encoders[name] if parts else None
            if isinstance(encoder, NumberEncoder | IdEncoder) and encoder.scaled.moments is not None:
                columns = encoder.numbers.cpu().numpy() if isinstance(encoder, IdEncoder) else slice(None)
                yield _Inputs(encoder.scaled.moments, parts, columns)


def _on(policy: ActorCriticPolicy, array: NDArray[np.float64]) -> torch.Tensor:
    return torch.from_numpy(array).to(policy.device)


def _moments(buffer: Rollout, inputs: _Inputs) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return mean and variance of each input, and the number of steps.

    Sums of bytes and of their squares are exact integers.
    """
    every = np.concatenate([_sums(buffer, name) for name in inputs.names], axis=1)
    sums, squares = every[:, inputs.columns]
    count = buffer.buffer_size * buffer.n_envs if buffer.valid is None else int(buffer.valid.sum())
    mean = sums / count
    return mean, squares / count - mean**2, count


def _sums(buffer: Rollout, name: str) -> NDArray[np.int64]:
    """Return sums of the values and of their squares over the valid steps, (2, values).

    One row of the buffer after another is read, to save memory.
    """
    array = buffer.observations[name]
    sums = np.zeros((2, array[0, 0].size), np.int64)
    for step, row in enumerate(array):
        kept = row if buffer.valid is None else row[buffer.valid[step]]
        numbers = kept.reshape(len(kept), -1).astype(np.int64)
        sums += numbers.sum(axis=0), (numbers**2).sum(axis=0)
    return sums
