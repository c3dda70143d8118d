"""The networks of random network distillation, and the numbers that they see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import nn

from training.learned_rewards.interface import Observations

Bytes = NDArray[np.uint8]
TILE = 4
"""Pixels of half a map tile of the newest picture at half size, see ``halved``."""
HIDDEN = 128


def halved(pictures: Bytes) -> Bytes:
    """Return means of 2 x 2 pixels: uint8 (n, 2h, 2w) to uint8 (n, h, w)."""
    pairs = np.ascontiguousarray(pictures).view("<u2")
    sums = (pairs & 255) + (pairs >> 8)
    return ((sums[:, ::2] + sums[:, 1::2]) >> 2).astype(np.uint8)


class InputLayout:
    """The observations ``names`` as one row of bytes for each: halved newest pictures first, then numbers."""

    def __init__(self, space: spaces.Dict, names: Sequence[str]) -> None:
        shapes = {name: space[name].shape or () for name in names}
        self._pictures = [name for name, shape in shapes.items() if len(shape) == 3]
        self._vectors = [name for name, shape in shapes.items() if len(shape) != 3]
        self.pictures = [(shapes[name][1] // 2, shapes[name][2] // 2) for name in self._pictures]
        """Height and width of each halved picture."""
        self.numbers = sum(int(np.prod(shapes[name])) for name in self._vectors)
        """How many numbers follow the pictures."""
        self.width = sum(height * width for height, width in self.pictures) + self.numbers
        """Bytes of a row."""

    def rows(self, observations: Observations) -> Bytes:
        """uint8 (n, ...) by name to uint8 (n, width)."""
        parts = [halved(observations[name][:, -1]) for name in self._pictures]
        parts += [observations[name] for name in self._vectors]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)

    @property
    def names(self) -> list[str]:
        """The observations that ``rows`` reads."""
        return [*self._pictures, *self._vectors]


class RandomFeatures(nn.Module):
    """A small convolutional network with orthogonal weights, as in Burda et al. (2018).

    It maps normalised rows of ``layout`` to ``features`` numbers. ``deeper`` adds the two hidden layers that
    the predictor has beyond the target.
    """

    def __init__(self, layout: InputLayout, features: int, deeper: bool) -> None:
        super().__init__()
        self._shapes = layout.pictures
        numbers = [layout.numbers] if layout.numbers else []
        self._sizes = [height * width for height, width in layout.pictures] + numbers
        self.pictures = nn.ModuleList(_picture_layers() for _ in layout.pictures)
        self.numbers = nn.ModuleList(nn.Sequential(nn.Linear(n, HIDDEN), nn.LeakyReLU()) for n in numbers)
        width, layers = self._width(), list[nn.Module]()
        for size in (HIDDEN, HIDDEN) if deeper else ():
            layers += [nn.Linear(width, size), nn.ReLU()]
            width = size
        self.last = nn.Sequential(*layers, nn.Linear(width, features))
        self.apply(_make_orthogonal)

    def _width(self) -> int:
        with torch.no_grad():
            return self._encoded(torch.zeros(1, sum(self._sizes))).shape[1]

    def _encoded(self, rows: torch.Tensor) -> torch.Tensor:
        parts = torch.split(rows, self._sizes, dim=1)
        pictures = [part.view(-1, 1, *shape) for part, shape in zip(parts, self._shapes, strict=False)]
        inputs = [*pictures, *parts[len(pictures) :]]
        encoders = [*self.pictures, *self.numbers]
        return torch.cat([encode(part) for encode, part in zip(encoders, inputs, strict=True)], dim=1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """float32 (n, width), normalised, to float32 (n, features)."""
        return self.last(self._encoded(rows))  # type: ignore[no-any-return]


def _picture_layers() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=TILE, stride=TILE),
        nn.LeakyReLU(),
        nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1),
        nn.LeakyReLU(),
        nn.Flatten(),
    )


def _make_orthogonal(layer: nn.Module) -> None:
    if isinstance(layer, nn.Linear | nn.Conv2d):
        nn.init.orthogonal_(layer.weight, 2**0.5)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
