"""The network: one small encoder for each observation, joined into one vector, and two heads or three.

Observations stay uint8 up to here. The division of pictures by 255 is folded into the weights of the first
layer, and 320 event bytes are unpacked to 2,560 bits only here.
"""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import MultiInputActorCriticPolicy
from stable_baselines3.common.preprocessing import get_flattened_obs_dim
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, NatureCNN
from torch import nn
from torch.nn.functional import conv2d, embedding

if TYPE_CHECKING:  # exported zips carry this module along, so it must not import the rest of the project
    from training.config.schema import NetworkConfig

EVENT_BYTES = 320
TILE = 8
"""Pixels of a map tile, one step of the player, in the picture at half size."""
VISITED_PATCH = 6  # map tiles
Tensors = dict[str, torch.Tensor]


class PatchEncoder(nn.Module):
    """The first layer for a picture: a convolution over separate squares of ``size`` pixels."""

    def __init__(self, channels: int, features: int, size: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, features, kernel_size=size, stride=size)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """uint8 (n, channels, height, width) to (n, features, height / size, width / size)."""
        weight = self.layer.weight * (1 / 255)
        return conv2d(picture.to(weight.dtype), weight, self.layer.bias, self.layer.stride).relu_()


class PictureEncoder(nn.Module):
    """Encoder of a (channels, 72, 80) picture: 9 x 10 tiles, then windows of 3 x 3 tiles, then all."""

    def __init__(self, shape: tuple[int, ...], features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            PatchEncoder(shape[0], 32, TILE),
            nn.Conv2d(32, 48, kernel_size=3, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.LazyLinear(features),
            nn.ReLU(inplace=True),
        )
        self.layers(torch.zeros(1, *shape, dtype=torch.uint8))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """uint8 (n, channels, height, width) to float32 (n, features)."""
        return self.layers(picture)  # type: ignore[no-any-return]


class VisitedEncoder(nn.Module):
    """Encoder of the (1, 48, 48) crop of visited tiles, in squares of 6 x 6. The player is at the centre."""

    def __init__(self, shape: tuple[int, ...], features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            PatchEncoder(shape[0], 8, VISITED_PATCH),
            nn.Flatten(),
            nn.LazyLinear(features),
            nn.ReLU(inplace=True),
        )
        self.layers(torch.zeros(1, *shape, dtype=torch.uint8))

    def forward(self, crop: torch.Tensor) -> torch.Tensor:
        """uint8 (n, 1, height, width), 0 or 255, to float32 (n, features)."""
        return self.layers(crop)  # type: ignore[no-any-return]


class NatureEncoder(nn.Module):
    """The network of Mnih et al. (2015) for any picture, as a baseline."""

    def __init__(self, space: spaces.Box, features: int) -> None:
        super().__init__()
        self.layers = NatureCNN(space, features)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """uint8 (n, channels, height, width) to float32 (n, features)."""
        return self.layers(picture.float() / 255)  # type: ignore[no-any-return]


class EventEncoder(nn.Module):
    """One layer over the bits of event bytes (least significant bit first, as the game numbers events)."""

    bits: torch.Tensor

    def __init__(self, number_of_bytes: int, features: int) -> None:
        super().__init__()
        bits = torch.arange(256).unsqueeze(-1).bitwise_right_shift(torch.arange(8)).bitwise_and(1)
        self.register_buffer("bits", bits.float(), persistent=False)  # a lookup takes a third of the time
        self.layer = nn.Linear(8 * number_of_bytes, features)

    def forward(self, events: torch.Tensor) -> torch.Tensor:
        """uint8 (n, bytes) to float32 (n, features)."""
        return self.layer(embedding(events.int(), self.bits).flatten(1)).relu_()  # type: ignore[no-any-return]


class OneHotEncoder(nn.Module):
    """One-hot encoding of the codes 0..kinds-1, which are categories, not amounts."""

    flags: torch.Tensor

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.register_buffer("flags", torch.eye(kinds), persistent=False)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """uint8 (n, codes) to float32 (n, codes x kinds)."""
        return embedding(codes.int(), self.flags).flatten(1)


class NumberEncoder(nn.Module):
    """One layer over all numbers and flags, scaled to about 0..1."""

    scales: torch.Tensor

    def __init__(self, scales: list[float], features: int) -> None:
        super().__init__()
        self.register_buffer("scales", torch.tensor(scales), persistent=False)
        self.layer = nn.Linear(len(scales), features)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """uint8 (n, numbers) to float32 (n, features)."""
        return self.layer(numbers * self.scales).relu_()  # type: ignore[no-any-return]


class GameFeatures(BaseFeaturesExtractor):
    """Features, float32 (n, features_dim), of RedEnv's uint8 Dict observations.

    "screen", "visited", "events" and "recent_actions" have their own encoders. All others are scaled by
    their bound and share one layer. Observations that a config leaves out cost nothing. ``picture``,
    ``visited``, ``events`` and ``numbers`` are the widths of the encoders. ``cnn`` is "tiles", or "nature"
    to use NatureCNN instead of PictureEncoder and VisitedEncoder.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        picture: int,
        visited: int,
        events: int,
        numbers: int,
        cnn: str = "tiles",
    ) -> None:
        super().__init__(observation_space, features_dim=1)
        encoders: dict[str, nn.Module] = {}
        self.numbers: list[str] = []
        scales: list[float] = []
        width = 0
        for name, space in observation_space.spaces.items():
            size, largest = get_flattened_obs_dim(space), _largest(space)
            if name in ("screen", "visited"):
                features = picture if name == "screen" else visited
                encoders[name], width = _picture_encoder(name, space, features, cnn), width + features
            elif name == "events":
                encoders[name], width = EventEncoder(EVENT_BYTES, events), width + events
            elif name == "recent_actions":
                encoders[name], width = OneHotEncoder(largest + 1), width + size * (largest + 1)
            else:
                self.numbers.append(name)
                scales += [1 / largest] * size
        if self.numbers:
            encoders["numbers"], width = NumberEncoder(scales, numbers), width + numbers
        self.encoders = nn.ModuleDict(encoders)
        self._features_dim = width

    def forward(self, observations: Tensors) -> torch.Tensor:
        """uint8 observations by name, in any order, to features."""
        if self.numbers:
            numbers = torch.cat([observations[name].flatten(1) for name in self.numbers], dim=1)
            observations = {**observations, "numbers": numbers}
        return torch.cat([encode(observations[name]) for name, encode in self.encoders.items()], dim=1)


def _picture_encoder(name: str, space: spaces.Space[Any], features: int, cnn: str) -> nn.Module:
    if cnn == "nature":
        assert isinstance(space, spaces.Box)
        return NatureEncoder(space, features)
    encoder = PictureEncoder if name == "screen" else VisitedEncoder
    return encoder(space.shape or (), features)


def _largest(space: spaces.Space[Any]) -> int:
    if not isinstance(space, spaces.Box) or not 0 < space.high.max() < 256:
        raise TypeError(f"the network takes boxes of bytes, not {space}")
    return int(space.high.max())


class GamePolicy(MultiInputActorCriticPolicy):
    """Actor and critic over GameFeatures, for discrete actions.

    It computes what stable-baselines3's policy does in fewer steps: observations are not preprocessed, and
    actions are drawn from the logits without a distribution object for each batch. Under autocast the heads
    stay float32. With ``intrinsic_head`` the critic has a second head, ``intrinsic_net``, for the values of a
    learned reward. Raises ValueError if the logits are not finite.
    """

    intrinsic_net: nn.Linear | None

    def __init__(self, *arguments: Any, intrinsic_head: bool = False, **settings: Any) -> None:
        self.intrinsic_head = intrinsic_head
        super().__init__(*arguments, **settings)

    def _build_mlp_extractor(self) -> None:
        """Build the hidden layers, and the second value head, so that the optimizer knows its weights."""
        super()._build_mlp_extractor()
        self.intrinsic_net = None
        if self.intrinsic_head:
            head = self.intrinsic_net = nn.Linear(self.mlp_extractor.latent_dim_vf, 1)
            nn.init.orthogonal_(head.weight)  # as stable-baselines3 does for the first one
            nn.init.zeros_(head.bias)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "intrinsic_head": self.intrinsic_head}

    def extract_features(self, obs: Any, features_extractor: BaseFeaturesExtractor | None = None) -> Any:
        """Features of uint8 observations, float32 (n, features_dim)."""
        return self.features_extractor(obs)

    def _heads(self, obs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of the actions (n, actions) and values (n, 1 or 2), both float32."""
        latent_pi, latent_vf = self.mlp_extractor(self.features_extractor(obs))
        kind = latent_pi.device.type
        # Entering a context costs as much as a small layer, so do it only if autocast is on.
        exact = torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
        with exact:
            logits = self.action_net(latent_pi.float())
            values = self.value_net(latent_vf.float())
            if self.intrinsic_net is not None:
                values = torch.cat([values, self.intrinsic_net(latent_vf.float())], dim=1)
        if not math.isfinite(logits.sum().item()):
            raise ValueError("the policy's logits are not finite numbers")
        return logits.log_softmax(dim=1), values

    def act(self, obs: Any, deterministic: bool = False) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions (n,), values of each head (n, 1 or 2) and log-probabilities of those actions (n,)."""
        log_probs, values = self._heads(obs)
        chosen = log_probs.argmax(dim=1, keepdim=True) if deterministic else _drawn(log_probs)
        return chosen.flatten(), values, log_probs.gather(1, chosen).flatten()

    def forward(
        self, obs: Any, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions (n,), values (n, 1) and log-probabilities of those actions (n,)."""
        actions, values, log_probs = self.act(obs, deterministic)
        return actions, values[:, :1], log_probs

    def evaluate_all(
        self, obs: Any, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Values of each head (n, 1 or 2), log-probabilities of ``actions`` (n,) and entropies (n,)."""
        log_probs, values = self._heads(obs)
        entropy = -(log_probs.exp() * log_probs).sum(dim=1)
        return values, log_probs.gather(1, actions.unsqueeze(1)).flatten(), entropy

    def evaluate_actions(
        self, obs: Any, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Values (n, 1), log-probabilities of ``actions`` (n,) and entropies (n,)."""
        values, log_probs, entropy = self.evaluate_all(obs, actions)
        return values[:, :1], log_probs, entropy

    def get_distribution(self, obs: Any) -> Distribution:
        """The distribution of actions, as in stable-baselines3."""
        latent = self.mlp_extractor.forward_actor(self.features_extractor(obs))
        return self._get_action_dist_from_latent(latent)

    def predict_values(self, obs: Any) -> torch.Tensor:
        """Values (n, 1)."""
        latent = self.mlp_extractor.forward_critic(self.features_extractor(obs))
        return self.value_net(latent.float())  # type: ignore[no-any-return]

    def predict_intrinsic_values(self, obs: Any) -> torch.Tensor:
        """Values of the learned reward (n, 1). Raises TypeError without ``intrinsic_head``."""
        if self.intrinsic_net is None:
            raise TypeError("the policy has no second value head")
        latent = self.mlp_extractor.forward_critic(self.features_extractor(obs))
        return self.intrinsic_net(latent.float())  # type: ignore[no-any-return]


def _drawn(log_probs: torch.Tensor) -> torch.Tensor:
    """Draw one index (n, 1) from each row (n, kinds).

    It is what multinomial(1) draws from the same random numbers, without its checks, which double the time.
    """
    return (log_probs.exp() / torch.empty_like(log_probs).exponential_()).argmax(dim=1, keepdim=True)


def policy_kwargs(network: NetworkConfig, intrinsic_head: bool = False) -> dict[str, Any]:
    """Keyword arguments of GamePolicy. ``intrinsic_head``: whether there is a second value head."""
    head = {"intrinsic_head": True} if intrinsic_head else {}
    return {
        **head,
        "features_extractor_class": GameFeatures,
        "features_extractor_kwargs": network.model_dump(exclude={"hidden"}),
        "net_arch": {"pi": list(network.hidden), "vf": list(network.hidden)},
        "activation_fn": nn.ReLU,
        # stable-baselines3's Adam, fused: a quarter of the time on a CPU.
        "optimizer_kwargs": {"eps": 1e-5, "fused": True},
    }
