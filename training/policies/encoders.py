"""Encoders of the parts of an observation: one small network for each kind of input.

Observations stay uint8 up to here. The division of pictures by 255 is folded into the weights of the first
layer, and 320 event bytes are unpacked to 2,560 bits only here. Exported zips carry this package along, so it
must not import the rest of the project.
"""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import NatureCNN
from torch import nn
from torch.nn.functional import conv2d, embedding

from training.policies.input_scaling import InputScaling

TILES = 9, 10
"""Map tiles, steps of the player, on the screen; a tile has 8 x 8 pixels at half size."""
VISITED_PATCH = 6  # map tiles
IDS_OF_A_KIND = 256
"""Ids are bytes."""


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
    """Encoder of a (channels, height, width) picture: 9 x 10 tiles, then windows of 3 x 3 tiles, then all."""

    def __init__(self, shape: tuple[int, ...], features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            PatchEncoder(shape[0], 32, shape[1] // TILES[0]),
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
    """One layer over all numbers and flags, scaled to about 0..1, or normalised: see InputScaling."""

    def __init__(self, scales: list[float], features: int, normalize: bool = False) -> None:
        super().__init__()
        self.scaled = InputScaling(torch.tensor(scales), normalize)
        self.layer = nn.Linear(len(scales), features)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """uint8 (n, numbers) to float32 (n, features)."""
        return self.layer(self.scaled(numbers)).relu_()  # type: ignore[no-any-return]


class IdEncoder(nn.Module):
    """One layer over embedded ids and the scaled numbers that come with them.

    ``kinds`` has the kind of each id, such as "map": ids of one kind share a table of 256 vectors of
    ``embedding`` numbers. ``columns`` are the places of the ids among all inputs; the others are numbers,
    scaled by ``scales``, or normalised: see InputScaling.
    """

    starts: torch.Tensor
    ids: torch.Tensor
    numbers: torch.Tensor

    def __init__(
        self,
        kinds: list[str],
        columns: list[int],
        scales: list[float],
        embedding: int,
        features: int,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        names = sorted(set(kinds))
        self.tables = nn.Embedding(IDS_OF_A_KIND * len(names), embedding)
        others = [column for column in range(len(scales)) if column not in set(columns)]
        starts = torch.tensor([IDS_OF_A_KIND * names.index(kind) for kind in kinds])
        self.register_buffer("starts", starts, persistent=False)
        self.register_buffer("ids", torch.tensor(columns), persistent=False)
        self.register_buffer("numbers", torch.tensor(others, dtype=torch.int64), persistent=False)
        self.scaled = InputScaling(torch.tensor(scales)[others], normalize)
        self.layer = nn.Linear(embedding * len(columns) + len(others), features)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """uint8 (n, ids and numbers) to float32 (n, features)."""
        rows = inputs[:, self.ids] + self.starts
        # The same as self.tables(rows), with half the time for gradients.
        vectors = self.tables.weight.index_select(0, rows.flatten()).view(len(rows), -1)
        numbers = self.scaled(inputs[:, self.numbers])
        return self.layer(torch.cat((vectors, numbers), dim=1)).relu_()  # type: ignore[no-any-return]
