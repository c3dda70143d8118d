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

from training.policies.fast_encoders import (
    Encoder,
    FastCodes,
    FastEvents,
    FastScaled,
    FastTiles,
    Observed,
    SideBySide,
)
from training.policies.tile_policy import (
    EventEncoder,
    GameFeatures,
    GamePolicy,
    NatureEncoder,
    NumberEncoder,
    OneHotEncoder,
    PictureEncoder,
    VisitedEncoder,
)


class ActionChoice(NamedTuple):
    """Actions, int64 (n,), and what the buffer keeps with them, float32 (n,)."""

    actions: NDArray[np.int64]
    values: NDArray[np.float32]
    log_probs: NDArray[np.float32]


class RolloutActor:
    """``policy`` to choose actions with; computes what it does but for the order of floating-point sums.

    On a graphics card, in bfloat16 and with the Nature CNN it is the policy itself. ``ahead``: for how many
    steps of a group random numbers are made in one go, see Noise; ``refresh`` forgets them.
    """

    def __init__(self, policy: ActorCriticPolicy, ahead: int = 1) -> None:
        self._policy = policy
        self._noise = ActionNoise(ahead)
        self.quick = FastPolicy(policy) if FastPolicy.knows(policy) else None
        """What chooses in the policy's place; None: nothing does."""

    def refresh(self) -> None:
        """Take over the policy's weights as they are now."""
        self._noise.forget()
        if self.quick is not None:
            self.quick.refresh()

    def choose(self, observed: Observed, group: int) -> ActionChoice:
        """Actions for uint8 observations, drawn with torch's random numbers.

        Observations of the same environments come with the same number ``group``. Raises ValueError when the
        policy's logits are no numbers.
        """
        if self.quick is not None and not torch.is_autocast_enabled("cpu"):
            log_probs, values = self.quick.heads(observed, group)
            return _drawn(log_probs, values, self._noise.draw(log_probs.shape))
        device = self._policy.device
        tensors = {name: torch.from_numpy(array).to(device) for name, array in observed.items()}
        with torch.inference_mode():
            actions, own_values, log_probs = self._policy(tensors)
        return ActionChoice(
            actions.cpu().numpy(), own_values.float().flatten().cpu().numpy(), log_probs.float().cpu().numpy()
        )


class ActionNoise:
    """What actions are drawn with: minus the logarithms of the numbers that torch's generator gives next,
    distributed exponentially, which GamePolicy divides by.

    They are made for ``ahead`` draws in one go, since each takes a tenth of the time then, and given in the
    order in which they would have been made one by one.
    """

    def __init__(self, ahead: int) -> None:
        self._draws = ahead
        self._ahead = np.empty(0, np.float32)
        self._given = 0

    def forget(self) -> None:
        """Throw away what was made and not given: from here on it depends on the generator alone."""
        self._ahead, self._given = self._ahead[:0], 0

    def draw(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The next ones, float32 of ``shape``."""
        size = math.prod(shape)
        if len(self._ahead) - self._given < size:
            fresh = -np.log(torch.empty(self._draws * size).exponential_().numpy())
            self._ahead, self._given = np.concatenate((self._ahead[self._given :], fresh)), 0
        first, self._given = self._given, self._given + size
        return self._ahead[first : self._given].reshape(shape)


def _drawn(
    log_probs: NDArray[np.float32], values: NDArray[np.float32], noise: NDArray[np.float32]
) -> ActionChoice:
    """What GamePolicy draws from the same random numbers, (n, actions) of them, of which none is 0."""
    actions = (log_probs + noise).argmax(axis=1)
    chosen = log_probs[np.arange(len(actions)), actions]
    if not math.isfinite(chosen.sum()):
        raise ValueError("the policy's logits are not finite numbers")
    return ActionChoice(actions, values, chosen)


class FastPolicy:
    """A GamePolicy over tiles on a processor, for one group of environments at a time."""

    def __init__(self, policy: ActorCriticPolicy) -> None:
        features, space = policy.features_extractor, policy.observation_space
        assert isinstance(features, GameFeatures) and isinstance(space, spaces.Dict)
        self._encoders = [_encoder(name, part, features, space) for name, part in features.encoders.items()]
        self._heads = _heads(policy)
        self._rooms: dict[int, tuple[torch.Tensor, Sequence[torch.Tensor]]] = {}  # by observations

    @staticmethod
    def knows(policy: ActorCriticPolicy) -> bool:
        """Whether it can take this policy's place."""
        features = policy.features_extractor
        if not isinstance(policy, GamePolicy) or not isinstance(features, GameFeatures):
            return False
        nature = any(isinstance(encoder, NatureEncoder) for encoder in features.encoders.values())
        return policy.device.type == "cpu" and not nature

    def refresh(self) -> None:
        """Take over the policy's weights as they are now."""
        for encoder in self._encoders:
            encoder.refresh()
        for layer in self._heads:
            layer.refresh()

    def heads(self, observed: Observed, group: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Log-probabilities (n, actions) and values (n,), both float32."""
        number = len(next(iter(observed.values())))
        features, columns = self._rooms.get(number) or self._rooms.setdefault(number, self._make_room(number))
        for encode, out in zip(self._encoders, columns, strict=True):
            encode(observed, group, out)
        outputs = features
        for layer in self._heads:  # what is no sum is never below 0, so this is where all encoders have it
            outputs = layer(outputs.relu_())
        numbers = outputs.numpy()
        return _log_softmax(numbers[:, :-1]), numbers[:, -1]

    def _make_room(self, number: int) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        """Where the features of so many observations go: all of them, and the columns of each encoder."""
        widths = [encoder.width for encoder in self._encoders]
        features = torch.empty(number, sum(widths))
        return features, torch.split(features, widths, dim=1)


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """For the few numbers that there are it takes less time than torch's."""
    below: NDArray[np.float32] = logits - logits.max(axis=1, keepdims=True)
    below -= np.log(np.exp(below).sum(axis=1, keepdims=True))
    return below


def _encoder(name: str, part: nn.Module, features: GameFeatures, space: spaces.Dict) -> Encoder:
    if isinstance(part, NumberEncoder):
        return FastScaled(features.numbers, part)
    shape = space[name].shape or ()
    if isinstance(part, PictureEncoder | VisitedEncoder):
        return FastTiles(name, part, shape)
    if isinstance(part, EventEncoder):
        return FastEvents(name, part)
    assert isinstance(part, OneHotEncoder)
    return FastCodes(name, part, shape[0])


def _heads(policy: ActorCriticPolicy) -> list[SideBySide]:
    """Actor and critic, layer by layer."""
    hidden = policy.mlp_extractor
    actor, critic = (
        [layer for layer in (*net.modules(), head) if isinstance(layer, nn.Linear)]
        for net, head in ((hidden.policy_net, policy.action_net), (hidden.value_net, policy.value_net))
    )
    return [
        SideBySide(one, other, shared=number == 0)
        for number, (one, other) in enumerate(zip(actor, critic, strict=True))
    ]
