"""The network in front of the policy: one small encoder for each observation, joined into one vector.

Observations stay uint8 until stable-baselines3 hands them to the policy; only here do 320 event bytes
become 2,560 bits.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import get_flattened_obs_dim, is_image_space
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from training.config import NetworkConfig

EVENT_BYTES = 320


class Picture(nn.Module):
    """Three convolutions for a (channels, 72, 80) picture: 20k weights before the last layer."""

    def __init__(self, shape: tuple[int, ...], features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(shape[0], 16, kernel_size=8, stride=4),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=4, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, kernel_size=3, stride=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.LazyLinear(features),
            nn.ReLU(),
        )
        self.layers(torch.zeros(1, *shape))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """float32 (n, channels, height, width) in 0..1 to float32 (n, features)."""
        return self.layers(picture)  # type: ignore[no-any-return]


class Visited(nn.Module):
    """Two convolutions for the (1, 48, 48) crop of visited tiles."""

    def __init__(self, shape: tuple[int, ...], features: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.layers = nn.Sequential(
            nn.Conv2d(shape[0], 8, kernel_size=6, stride=3),
            nn.ReLU(),
            nn.Conv2d(8, 16, kernel_size=4, stride=3),
            nn.ReLU(),
            nn.Flatten(),
            nn.LazyLinear(features),
            nn.ReLU(),
        )
        self.layers(torch.zeros(1, *shape))

    def forward(self, crop: torch.Tensor) -> torch.Tensor:
        """float32 (n, 1, height, width) to float32 (n, features)."""
        return self.layers(crop * self.scale)  # type: ignore[no-any-return]


class EventBits(nn.Module):
    """Unpacks event bytes (least significant bit first, as the game numbers events) into one layer."""

    shifts: torch.Tensor

    def __init__(self, number_of_bytes: int, features: int) -> None:
        super().__init__()
        self.register_buffer("shifts", torch.arange(8, dtype=torch.uint8), persistent=False)
        self.layer = nn.Linear(8 * number_of_bytes, features)

    def forward(self, events: torch.Tensor) -> torch.Tensor:
        """float32 (n, bytes), whole numbers 0..255, to float32 (n, features)."""
        bits = events.to(torch.uint8).unsqueeze(-1).bitwise_right_shift(self.shifts).bitwise_and(1)
        return torch.relu(self.layer(bits.flatten(1).to(self.layer.weight.dtype)))


class OneHot(nn.Module):
    """Codes 0..kinds-1 as that many flags each: they are names, not amounts."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.kinds = kinds

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """float32 (n, codes), whole numbers, to float32 (n, codes x kinds)."""
        flags = nn.functional.one_hot(codes.long(), self.kinds)
        return flags.flatten(1).to(codes.dtype)


class GameFeatures(BaseFeaturesExtractor):
    """Features of the Dict observations of RedEnv: float32 (n, features_dim).

    "screen", "visited", "events" and "recent_actions" have encoders of their own; all others are scaled by
    their bound and share one layer. Names that a config leaves out cost nothing.
    """

    def __init__(self, observation_space: spaces.Dict, network: NetworkConfig | None = None) -> None:
        network = network or NetworkConfig()
        super().__init__(observation_space, features_dim=1)
        encoders: dict[str, nn.Module] = {}
        self.scales: dict[str, float] = {}
        width = numbers = 0
        for name, space in observation_space.spaces.items():
            if name == "screen" and isinstance(space, spaces.Box):
                encoders[name], width = Picture(space.shape, network.picture), width + network.picture
            elif name == "visited" and isinstance(space, spaces.Box):
                encoders[name] = Visited(space.shape, network.visited, _scale(space))
                width += network.visited
            elif name == "events" and space.shape == (EVENT_BYTES,):
                encoders[name], width = EventBits(EVENT_BYTES, network.events), width + network.events
            elif name == "recent_actions" and isinstance(space, spaces.Box):
                encoders[name] = OneHot(int(space.high.max()) + 1)
                width += get_flattened_obs_dim(space) * (int(space.high.max()) + 1)
            else:
                self.scales[name] = _scale(space)
                numbers += get_flattened_obs_dim(space)
        if numbers:
            encoders["numbers"] = nn.Sequential(nn.Linear(numbers, network.numbers), nn.ReLU())
            width += network.numbers
        self.encoders = nn.ModuleDict(encoders)
        self._features_dim = width

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        """Observations as stable-baselines3 preprocesses them (float32, pictures in 0..1) to features."""
        parts = [self.encoders[name](part) for name, part in observations.items() if name in self.encoders]
        if self.scales:
            numbers = [observations[name].flatten(1) * scale for name, scale in self.scales.items()]
            parts.append(self.encoders["numbers"](torch.cat(numbers, dim=1)))
        return torch.cat(parts, dim=1)


def _scale(space: spaces.Space[Any]) -> float:
    """What brings a value of ``space`` near 0..1, given what stable-baselines3 has done to it before."""
    if not isinstance(space, spaces.Box) or is_image_space(space):
        return 1.0  # one-hot already, or already divided by 255
    largest = float(abs(space.high).max())
    return 1.0 / largest if 0 < largest < 1e6 else 1.0


def policy_kwargs(network: NetworkConfig) -> dict[str, Any]:
    """What PPO's MultiInputPolicy is made with."""
    return {
        "features_extractor_class": GameFeatures,
        "features_extractor_kwargs": {"network": network},
        "net_arch": {"pi": list(network.hidden), "vf": list(network.hidden)},
        "activation_fn": nn.ReLU,
    }
