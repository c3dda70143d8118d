"""Choosing actions in rollouts, on a CPU with faster versions of the policy's layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from training.policies.encoders import (
    EventEncoder,
    IdEncoder,
    NatureEncoder,
    NumberEncoder,
    OneHotEncoder,
    PictureEncoder,
    VisitedEncoder,
)
from training.policies.fast_encoders import (
    Encoder,
    FastCodes,
    FastEvents,
    FastScaled,
    FastTiles,
    JoinedLayers,
    Observed,
    StackedHeads,
)
from training.policies.fast_ids import FastIds
from training.policies.features import TOGETHER, GameFeatures
from training.policies.masks import ACTION_MASK, masked_array
from training.policies.popart import PopArtHead
from training.policies.tile_policy import GamePolicy

IN_PLACE = {nn.ReLU: torch.relu_, nn.Tanh: torch.tanh_, nn.ELU: nn.functional.elu_}
"""The activations of hidden layers, each as a function that overwrites its input."""


class ActionChoice(NamedTuple):
    """Actions, int64 (n,), with their values and log-probabilities, float32 (n,).

    ``intrinsic_values`` are those of the second value head, float32 (n,), if the policy has one.
    """

    actions: NDArray[np.int64]
    values: NDArray[np.float32]
    log_probs: NDArray[np.float32]
    intrinsic_values: NDArray[np.float32] | None = None


class RolloutActor:
    """Chooses actions as ``policy`` does, up to the order of floating-point sums.

    On a GPU, in bfloat16 and with the Nature CNN the policy itself is used. ``ahead``: number of steps of a
    group for which random numbers are drawn at once, see ActionNoise. ``refresh`` discards them.
    """

    def __init__(self, policy: ActorCriticPolicy, ahead: int = 1) -> None:
        self._policy = policy
        self._noise = ActionNoise(ahead)
        self.fast = FastPolicy(policy) if FastPolicy.supports(policy) else None
        """The fast version of the policy; None if the policy itself is used."""

    def refresh(self) -> None:
        """Copy the policy's current weights."""
        self._noise.forget()
        if self.fast is not None:
            self.fast.refresh()

    def choose(self, observed: Observed, group: int) -> ActionChoice:
        """Draw actions for uint8 observations, with torch's random numbers.

        ``group``: number of the group of environments that the observations come from. Raises ValueError if
        the policy's logits are not finite.
        """
        if self.fast is not None and not torch.is_autocast_enabled("cpu"):
            log_probs, values = self.fast.heads(observed, group)
            return _drawn(log_probs, values, self._noise.draw(log_probs.shape))
        device = self._policy.device
        tensors = {name: torch.from_numpy(array).to(device) for name, array in observed.items()}
        choose = self._policy.act if isinstance(self._policy, GamePolicy) else self._policy
        with torch.inference_mode():
            actions, of_heads, chosen = choose(tensors)
        columns = of_heads.float().cpu().numpy().reshape(len(actions), -1).T
        return ActionChoice(actions.cpu().numpy(), columns[0], chosen.float().cpu().numpy(), *columns[1:])


class ActionNoise:
    """Noise to draw actions with: minus the logarithm of torch's exponential random numbers.

    These are the numbers that GamePolicy divides by. They are made for ``ahead`` draws at once, which takes
    a tenth of the time per draw, and used in the order in which single draws would have made them.
    """

    def __init__(self, ahead: int) -> None:
        self._draws = ahead
        self._ahead = np.empty(0, np.float32)
        self._given = 0

    def forget(self) -> None:
        """Discard unused noise, so that the next draws depend on the generator alone."""
        self._ahead, self._given = self._ahead[:0], 0

    def draw(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the next noise, float32 of ``shape``."""
        size = math.prod(shape)
        if len(self._ahead) - self._given < size:
            fresh = -np.log(torch.empty(self._draws * size).exponential_().numpy())
            self._ahead, self._given = np.concatenate((self._ahead[self._given :], fresh)), 0
        first, self._given = self._given, self._given + size
        return self._ahead[first : self._given].reshape(shape)


def _drawn(
    log_probs: NDArray[np.float32], values: NDArray[np.float32], noise: NDArray[np.float32]
) -> ActionChoice:
    """Draw what GamePolicy draws from the same random numbers, (n, actions).

    ``values``: those of each head, (n, 1 or 2).
    """
    actions = (log_probs + noise).argmax(axis=1)
    chosen = log_probs[np.arange(len(actions)), actions]
    if not math.isfinite(chosen.sum()):
        raise ValueError("the policy's logits are not finite numbers")
    return ActionChoice(actions, values[:, 0], chosen, *values.T[1:])


class FastPolicy:
    """A GamePolicy over tiles on a CPU, for one group of environments at a time."""

    def __init__(self, policy: ActorCriticPolicy) -> None:
        space = policy.observation_space
        assert isinstance(space, spaces.Dict)
        self._encoders = [
            _encoder(name, part, features, space)
            for features in _extractors(policy)
            for name, part in features.encoders.items()
        ]
        self._heads = _heads(policy)
        self._actions = policy.action_net.out_features
        self._activate = IN_PLACE[policy.activation_fn]
        self._value_units = _ValueUnits(policy.value_net)
        self._buffers: dict[int, tuple[torch.Tensor, Sequence[torch.Tensor]]] = {}  # by observations

    @staticmethod
    def supports(policy: ActorCriticPolicy) -> bool:
        """Whether there is a fast version of this policy."""
        features = policy.features_extractor
        if not isinstance(policy, GamePolicy) or not isinstance(features, GameFeatures):
            return False
        nature = any(isinstance(encoder, NatureEncoder) for encoder in features.encoders.values())
        return policy.device.type == "cpu" and not nature and policy.activation_fn in IN_PLACE

    def refresh(self) -> None:
        """Copy the policy's current weights and statistics."""
        for encoder in self._encoders:
            encoder.refresh()
        for layer in self._heads:
            layer.refresh()
        self._value_units.refresh()

    def heads(self, observed: Observed, group: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Log-probabilities (n, actions) and values of each head (n, 1 or 2), both float32."""
        number = len(next(iter(observed.values())))
        features, columns = self._buffers.get(number) or self._buffers.setdefault(
            number, self._make_buffers(number)
        )
        for encode, out in zip(self._encoders, columns, strict=True):
            encode(observed, group, out)
        # The ReLU of all encoders; features that have none are never below 0.
        outputs = self._heads[0](features.relu_())
        for layer in self._heads[1:]:
            outputs = layer(self._activate(outputs))
        numbers = outputs.numpy()
        values = numbers[:, self._actions :]
        logits = masked_array(numbers[:, : self._actions], observed.get(ACTION_MASK))
        return _log_softmax(logits), self._value_units(values)

    def _make_buffers(self, number: int) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        """Memory for the features of ``number`` observations: all of them, and each encoder's columns."""
        widths = [encoder.width for encoder in self._encoders]
        features = torch.empty(number, sum(widths))
        return features, torch.split(features, widths, dim=1)


class _ValueUnits:
    """Turns outputs of the value head's layer into units of reward, where it computes normalised values."""

    def __init__(self, head: nn.Module) -> None:
        self._head = head if isinstance(head, PopArtHead) else None
        self.refresh()

    def refresh(self) -> None:
        """Copy the head's current statistics."""
        if self._head is not None:
            returns = self._head.returns
            self._mean, self._std = returns.mean.item(), returns.std().item()
            self._rest = self._head.rest.item()

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The values of each head, (n, 1 or 2), in units of reward. Only the first can be normalised."""
        if self._head is None:
            return values
        exact = (values[:, :1].astype(np.float64) + self._rest) * self._std + self._mean
        return np.concatenate([exact.astype(np.float32), values[:, 1:]], axis=1)


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-softmax of each row. For this few numbers NumPy takes less time than torch."""
    below: NDArray[np.float32] = logits - logits.max(axis=1, keepdims=True)
    below -= np.log(np.exp(below).sum(axis=1, keepdims=True))
    return below


def _encoder(name: str, part: nn.Module, features: GameFeatures, space: spaces.Dict) -> Encoder:
    if isinstance(part, NumberEncoder):
        return FastScaled(features.numbers, part)
    if isinstance(part, IdEncoder):
        return FastIds(features.described, part)
    if isinstance(part, PictureEncoder | VisitedEncoder):
        pictures = features.visited if name == TOGETHER else [name]
        return FastTiles(pictures, part, _stacked_shape(pictures, space))
    shape = space[name].shape or ()
    if isinstance(part, EventEncoder):
        return FastEvents(name, part)
    assert isinstance(part, OneHotEncoder)
    return FastCodes(name, part, shape[0])


def _stacked_shape(pictures: list[str], space: spaces.Dict) -> tuple[int, ...]:
    """The shape of pictures of one size as the channels of one."""
    shapes = [space[picture].shape or () for picture in pictures]
    return (sum(shape[0] for shape in shapes), *shapes[0][1:])


def _extractors(policy: ActorCriticPolicy) -> list[GameFeatures]:
    """The encoders that actor and critic share, or the actor's and then the critic's."""
    both = [policy.pi_features_extractor, policy.vf_features_extractor]
    found = both[:1] if policy.share_features_extractor else both
    return [features for features in found if isinstance(features, GameFeatures)]


def _heads(policy: ActorCriticPolicy) -> list[JoinedLayers]:
    """The layers of actor and critic, joined one by one."""
    hidden = policy.mlp_extractor
    actor, critic = (
        [layer for layer in (*net.modules(), head) if isinstance(layer, nn.Linear)]
        for net, head in ((hidden.policy_net, policy.action_net), (hidden.value_net, policy.value_net))
    )
    own = policy.intrinsic_net if isinstance(policy, GamePolicy) else None
    last = [critic[-1]] if own is None else [StackedHeads(critic[-1], own)]
    return [
        JoinedLayers(one, other, shared=number == 0 and policy.share_features_extractor)
        for number, (one, other) in enumerate(zip(actor, [*critic[:-1], *last], strict=True))
    ]
