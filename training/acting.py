"""How rollouts choose actions: the policy, on a processor with its own weights in another order."""

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

from training.acting_encoders import ByInputs, Codes, Encoder, Events, Observed, Scaled, Tiles
from training.policy import EventBits, GameFeatures, GamePolicy, Nature, Numbers, OneHot, Picture, Visited


class Choice(NamedTuple):
    """Actions, int64 (n,), and what the buffer keeps with them, float32 (n,)."""

    actions: NDArray[np.int64]
    values: NDArray[np.float32]
    log_probs: NDArray[np.float32]


class Acting:
    """``policy`` to choose actions with; computes what it does but for the order of floating-point sums.

    On a graphics card, in bfloat16 and with the Nature CNN it is the policy itself.
    """

    def __init__(self, policy: ActorCriticPolicy) -> None:
        self._policy = policy
        self.quick = QuickPolicy(policy) if QuickPolicy.knows(policy) else None
        """What chooses in the policy's place; None: nothing does."""

    def refresh(self) -> None:
        """Take over the policy's weights as they are now."""
        if self.quick is not None:
            self.quick.refresh()

    @torch.inference_mode()
    def choose(self, observed: Observed, group: int) -> Choice:
        """Actions for uint8 observations, drawn with torch's random numbers.

        Observations of the same environments come with the same number ``group``. Raises ValueError when the
        policy's logits are no numbers.
        """
        if self.quick is not None and not torch.is_autocast_enabled("cpu"):
            logits, values = self.quick.heads(observed, group)
            return _drawn(logits, values)
        device = self._policy.device
        tensors = {name: torch.from_numpy(array).to(device) for name, array in observed.items()}
        actions, own_values, log_probs = self._policy(tensors)
        return Choice(
            actions.cpu().numpy(), own_values.float().flatten().cpu().numpy(), log_probs.float().cpu().numpy()
        )


def _drawn(logits: NDArray[np.float32], values: NDArray[np.float32]) -> Choice:
    """What GamePolicy draws from the same random numbers, (n, actions) of them."""
    if not math.isfinite(logits.sum()):
        raise ValueError("the policy's logits are not finite numbers")
    logits = logits - logits.max(axis=1, keepdims=True)
    chances = np.exp(logits)
    noise = torch.empty(logits.shape).exponential_().numpy()
    actions = (chances / noise).argmax(axis=1)
    chosen = np.take_along_axis(logits, actions[:, np.newaxis], axis=1)[:, 0]
    return Choice(actions, values, chosen - np.log(chances.sum(axis=1)))


class QuickPolicy:
    """A GamePolicy over tiles on a processor, for one group of environments at a time."""

    def __init__(self, policy: ActorCriticPolicy) -> None:
        features, space = policy.features_extractor, policy.observation_space
        assert isinstance(features, GameFeatures) and isinstance(space, spaces.Dict)
        self._encoders = [_encoder(name, part, features, space) for name, part in features.encoders.items()]
        hidden = policy.mlp_extractor
        self._actor = _layers(hidden.policy_net, policy.action_net)
        self._critic = _layers(hidden.value_net, policy.value_net)
        self._features: dict[int, list[torch.Tensor]] = {}  # by number of observations

    @staticmethod
    def knows(policy: ActorCriticPolicy) -> bool:
        """Whether it can take this policy's place."""
        features = policy.features_extractor
        if not isinstance(policy, GamePolicy) or not isinstance(features, GameFeatures):
            return False
        nature = any(isinstance(encoder, Nature) for encoder in features.encoders.values())
        return policy.device.type == "cpu" and not nature

    def refresh(self) -> None:
        """Take over the policy's weights as they are now."""
        for encoder in self._encoders:
            encoder.refresh()
        for layer in (*self._actor, *self._critic):
            layer.refresh()

    def heads(self, observed: Observed, group: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (n, actions) and values (n,), both float32."""
        number = len(next(iter(observed.values())))
        if number not in self._features:
            self._features[number] = [torch.empty(number, encoder.width) for encoder in self._encoders]
        parts = self._features[number]
        for encoder, out in zip(self._encoders, parts, strict=True):
            encoder.into(out, observed, group)
        features = torch.cat(parts, dim=1).relu_()  # what is no sum is never below 0
        return _through(self._actor, features).numpy(), _through(self._critic, features).numpy()[:, 0]


def _encoder(name: str, part: nn.Module, features: GameFeatures, space: spaces.Dict) -> Encoder:
    if isinstance(part, Numbers):
        return Scaled(features.numbers, part)
    shape = space[name].shape or ()
    if isinstance(part, Picture | Visited):
        return Tiles(name, part, shape)
    if isinstance(part, EventBits):
        return Events(name, part)
    assert isinstance(part, OneHot)
    return Codes(name, part, math.prod(shape))


def _layers(hidden: nn.Module, head: nn.Module) -> list[ByInputs]:
    """The layers of an actor or a critic; between them everything below 0 becomes 0."""
    return [ByInputs(layer) for layer in (*hidden.modules(), head) if isinstance(layer, nn.Linear)]


def _through(layers: Sequence[ByInputs], inputs: torch.Tensor) -> torch.Tensor:
    for layer in layers[:-1]:
        inputs = layer(inputs).relu_()
    return layers[-1](inputs)
