"""Features of a whole observation: those of its parts' encoders, joined into one vector.

Exported zips carry this package along, so it must not import the rest of the project.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import get_flattened_obs_dim
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from training.policies.encoders import (
    EventEncoder,
    NatureEncoder,
    NumberEncoder,
    OneHotEncoder,
    PictureEncoder,
    VisitedEncoder,
)

EVENT_BYTES = 320
Tensors = dict[str, torch.Tensor]


class GameFeatures(BaseFeaturesExtractor):
    """Features, float32 (n, features_dim), of RedEnv's uint8 Dict observations.

    "screen", "visited", "events" and "recent_actions" have their own encoders. All others are scaled by
    their bound and share one layer. Observations that a config leaves out cost nothing. ``picture``,
    ``visited``, ``events`` and ``numbers`` are the widths of the encoders. ``cnn`` is "tiles", or "nature"
    to use NatureCNN instead of PictureEncoder and VisitedEncoder. ``normalize``: see InputScaling.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        picture: int,
        visited: int,
        events: int,
        numbers: int,
        cnn: str = "tiles",
        normalize: bool = False,
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
            encoders["numbers"], width = NumberEncoder(scales, numbers, normalize), width + numbers
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
