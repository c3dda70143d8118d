"""Features of a whole observation: those of its parts' encoders, joined into one vector.

Exported zips carry this package along, so it must not import the rest of the project.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import get_flattened_obs_dim
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
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

EVENT_BYTES = 320
_CREATURE = ("species", "type", "type", "move", "move", "move", "move")
IDS: dict[str, tuple[str, ...]] = {
    "place": ("map", "map"),
    "fight": (*_CREATURE, "species", "type", "type"),
    "team": _CREATURE * 6,
}
"""Kinds of the ids that an observation begins with, as ``envs.observation_parts`` declares them."""
VISITED = ("visited", "visited_nearby", "visited_world")
TOGETHER = "visited_pictures"
"""The encoder of several pictures of visited tiles."""
WIDTH_OF = {"screen": "picture", **dict.fromkeys((*VISITED, TOGETHER), "visited")}
OWN_ENCODER = ("screen", *VISITED, "events", "recent_actions")
Tensors = dict[str, torch.Tensor]


class GameFeatures(BaseFeaturesExtractor):
    """Features, float32 (n, features_dim), of RedEnv's uint8 Dict observations.

    "screen", "events" and "recent_actions" have their own encoders. The pictures of visited tiles are the
    channels of one encoder: another picture costs less than another encoder. Those of IDS share an IdEncoder.
    All others are scaled by their bounds and share one layer. Observations that a config leaves out cost
    nothing. ``picture``, ``visited``, ``events``, ``numbers`` and ``facts`` are the
    widths of the encoders, ``embedding`` is that of an embedded id. ``cnn`` is "tiles", or "nature" to use
    NatureCNN instead of PictureEncoder and VisitedEncoder. ``normalize``: see InputScaling.
    """

    def __init__(
        self,
        observation_space: spaces.Dict,
        cnn: str = "tiles",
        embedding: int = 16,
        normalize: bool = False,
        **widths: int,
    ) -> None:
        super().__init__(observation_space, features_dim=1)
        encoders: dict[str, nn.Module] = {}
        found = observation_space.spaces
        self.numbers = [name for name in found if name not in OWN_ENCODER and name not in IDS]
        self.described = [name for name in found if name in IDS]
        several = [name for name in found if name in VISITED]
        self.visited = several if len(several) > 1 else []
        if self.visited:
            encoders[TOGETHER] = _picture_encoder(TOGETHER, _stacked(found, several), widths["visited"], cnn)
        for name in found:
            if name in OWN_ENCODER and name not in self.visited:
                encoders[name] = _own_encoder(name, found[name], widths, cnn)
        if self.described:
            encoders["facts"] = _id_encoder(found, self.described, embedding, widths["facts"], normalize)
        if self.numbers:
            scales = [scale for name in self.numbers for scale in _scales(found[name])]
            encoders["numbers"] = NumberEncoder(scales, widths["numbers"], normalize)
        self.encoders = nn.ModuleDict(encoders)
        self._features_dim = sum(_width(name, encoders[name], found, widths) for name in encoders)

    def forward(self, observations: Tensors) -> torch.Tensor:
        """uint8 observations by name, in any order, to features."""
        joined = {"numbers": self.numbers, "facts": self.described}
        observations = dict(observations)
        for name, parts in joined.items():
            if parts:
                observations[name] = torch.cat([observations[part].flatten(1) for part in parts], dim=1)
        if self.visited:
            observations[TOGETHER] = torch.cat([observations[part] for part in self.visited], dim=1)
        return torch.cat([encode(observations[name]) for name, encode in self.encoders.items()], dim=1)


def _own_encoder(name: str, space: spaces.Space[Any], widths: dict[str, int], cnn: str) -> nn.Module:
    if name == "events":
        return EventEncoder(EVENT_BYTES, widths["events"])
    if name == "recent_actions":
        return OneHotEncoder(_largest(space) + 1)
    return _picture_encoder(name, space, widths[WIDTH_OF[name]], cnn)


def _width(name: str, encoder: nn.Module, found: dict[str, Any], widths: dict[str, int]) -> int:
    if isinstance(encoder, OneHotEncoder):
        return get_flattened_obs_dim(found[name]) * len(encoder.flags)
    return widths[WIDTH_OF.get(name, name)]


def _id_encoder(
    found: dict[str, Any], names: list[str], embedding: int, features: int, normalize: bool
) -> IdEncoder:
    kinds: list[str] = []
    columns: list[int] = []
    scales: list[float] = []
    for name in names:
        columns += range(len(scales), len(scales) + len(IDS[name]))
        kinds += IDS[name]
        scales += _scales(found[name])
    return IdEncoder(kinds, columns, scales, embedding, features, normalize)


def _scales(space: spaces.Space[Any]) -> list[float]:
    """What the values of a part are multiplied with: one over their highest values."""
    _largest(space)
    assert isinstance(space, spaces.Box)
    return [1 / int(high) for high in space.high.flat]


def _stacked(found: dict[str, Any], names: list[str]) -> spaces.Box:
    """The space of pictures of one size as the channels of one."""
    channels = sum(found[name].shape[0] for name in names)
    return spaces.Box(0, 255, (channels, *found[names[0]].shape[1:]), np.uint8)


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
