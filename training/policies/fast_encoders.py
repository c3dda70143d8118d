"""CPU versions of ``training.policies.encoders`` for the small batches of rollouts.

They compute the same features up to the order of floating-point sums. Weights are stored transposed, buffers
are reused, and small operations run in NumPy, which has less overhead per call than torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.policies.encoders import (
    EventEncoder,
    NumberEncoder,
    OneHotEncoder,
    PatchEncoder,
    PictureEncoder,
    VisitedEncoder,
)
from training.policies.input_scaling import FastScaling

Bytes = NDArray[np.uint8]
Observed = Mapping[str, Bytes]
Order = Callable[[torch.Tensor], torch.Tensor]
UNITS = {8: np.int64, 4: np.int32, 2: np.int16, 1: np.uint8}
"""Integer types by size in bytes, to copy several pixels at once."""
AT_ONCE = 16
"""Pictures processed together, whatever the number of environments. Each takes 70 kB."""


class TransposedLayer:
    """A layer as a matrix product with its transposed weights, (inputs, outputs).

    ``order`` transposes the weights of ``layer``. For a batch of 16 observations the product takes a half to
    a quarter of the time. An update, whose chunks are larger, gains nothing, and optimizers need the usual
    order.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, order: Order = torch.t) -> None:
        self._layer, self._order = layer, order
        weight, self.bias = self._take()
        self.weight = weight.clone(memory_format=torch.contiguous_format)

    def _take(self) -> tuple[torch.Tensor, torch.Tensor]:
        assert self._layer.bias is not None
        return self._order(self._layer.weight.detach()), self._layer.bias.detach()

    def refresh(self) -> None:
        """Copy the layer's current weights."""
        weight, self.bias = self._take()
        self.weight.copy_(weight)

    def __call__(self, inputs: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """float32 (n, inputs) to float32 (n, outputs), written to ``out`` if given."""
        return torch.addmm(self.bias, inputs, self.weight, out=out)


class StackedHeads:
    """Layers with the same inputs, read as one layer with the outputs of all."""

    def __init__(self, *layers: nn.Linear) -> None:
        self._layers = layers
        self.in_features = layers[0].in_features
        self.out_features = sum(layer.out_features for layer in layers)

    @property
    def weight(self) -> torch.Tensor:
        """The current weights of all layers, (outputs, inputs)."""
        return torch.cat([layer.weight for layer in self._layers])

    @property
    def bias(self) -> torch.Tensor:
        """The current biases of all layers, (outputs,)."""
        return torch.cat([layer.bias for layer in self._layers])


class JoinedLayers:
    """Two layers, one of the actor and one of the critic, as one matrix product.

    ``shared``: both get the same inputs. Otherwise the inputs are concatenated, as the outputs are.
    """

    def __init__(self, actor: nn.Linear, critic: nn.Linear | StackedHeads, shared: bool) -> None:
        self._layers, self._shared = (actor, critic), shared
        inputs = actor.in_features if shared else actor.in_features + critic.in_features
        self._weight = torch.zeros(inputs, actor.out_features + critic.out_features)
        self.refresh()

    def refresh(self) -> None:
        """Copy the layers' current weights."""
        row = column = 0
        for layer in self._layers:
            inputs, outputs = layer.in_features, layer.out_features
            self._weight[row : row + inputs, column : column + outputs] = layer.weight.detach().t()
            row, column = row + (0 if self._shared else inputs), column + outputs
        self._bias = torch.cat([layer.bias.detach() for layer in self._layers])

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """float32 (n, inputs) to float32 (n, outputs), the actor's first."""
        return torch.addmm(self._bias, inputs, self._weight)


class Encoder(Protocol):
    """Features of one part of the observations."""

    width: int
    """Number of features of an observation."""

    def refresh(self) -> None: ...
    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """Write features to ``out``, float32 (n, width), before the final ReLU.

        ``group``: number of the group of environments that the observations come from.
        """


class FastTiles:
    """PictureEncoder or VisitedEncoder of the pictures ``names``, which have ``shape[0]`` channels together.

    Convolutions are computed as matrix products over squares. torch's convolutions plan and reorder their
    inputs at every call, which for 16 pictures takes as long as the arithmetic.
    """

    def __init__(
        self, names: list[str], encoder: PictureEncoder | VisitedEncoder, shape: tuple[int, ...]
    ) -> None:
        layers = list(encoder.layers)
        first, conv, last = layers[0], layers[1], layers[-2]
        assert isinstance(first, PatchEncoder) and isinstance(last, nn.Linear)
        self._names, size = names, first.layer.kernel_size[0]
        self._index, self._unit = squares_of(shape, size), UNITS[pixels_in_a_unit(size)]
        self._squares = TransposedLayer(first.layer, lambda weight: (weight * (1 / 255)).flatten(1).t())
        self._around: TransposedLayer | None = None
        channels = first.layer.out_channels
        grid = shape[1] // size, shape[2] // size
        self._seen = np.arange(grid[0] * grid[1])[:, np.newaxis]
        if isinstance(conv, nn.Conv2d):
            channels = conv.out_channels
            self._seen = neighbourhoods(grid, conv.kernel_size[0], conv.stride[0], int(conv.padding[0]))
            self._around = TransposedLayer(conv, lambda weight: weight.permute(2, 3, 1, 0).flatten(0, 2))
        self._all = TransposedLayer(last, lambda weight: _by_places(weight, channels))
        self._grid = grid[0] * grid[1]
        self.width = last.out_features
        self._buffers: dict[int, _Buffers] = {}  # by number of pictures

    def refresh(self) -> None:
        """Copy the encoder's current weights."""
        for layer in (self._squares, self._around, self._all):
            if layer is not None:
                layer.refresh()

    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """See Encoder."""
        parts = [observed[name] for name in self._names]
        pictures = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        for start in range(0, len(pictures), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            self._features(pictures[part], out[part])

    def _features(self, pictures: Bytes, out: torch.Tensor) -> None:
        number = len(pictures)
        buffers = self._buffers.get(number) or self._buffers.setdefault(number, self._make_buffers(number))
        units = pictures.reshape(number, -1).view(self._unit)
        np.take(units, self._index, axis=1, out=buffers.units, mode="clip")
        np.copyto(buffers.pixels, buffers.pixels_as_bytes)
        seen = self._squares(buffers.inputs, buffers.squares[:-1]).relu_()
        if self._around is not None:
            np.take(buffers.rows, buffers.seen, axis=0, out=buffers.around, mode="clip")
            seen = self._around(buffers.neighbourhoods).relu_()
        self._all(seen.view(number, -1), out)

    def _make_buffers(self, number: int) -> _Buffers:
        pixels, features = self._squares.weight.shape
        squares = number * self._grid
        units = np.empty((number, len(self._index)), self._unit)
        inputs = torch.empty(squares, pixels)
        outputs = torch.zeros(squares + 1, features)
        each = [np.where(self._seen < 0, squares, self._seen + n * self._grid) for n in range(number)]
        around = torch.empty(number * len(self._seen), self._seen.shape[1] * features)
        return _Buffers(
            units=units,
            pixels_as_bytes=units.view(np.uint8).reshape(squares, pixels),
            pixels=inputs.numpy(),
            inputs=inputs,
            squares=outputs,
            rows=outputs.numpy(),
            seen=np.concatenate(each).ravel(),
            around=around.numpy().reshape(-1, features),
            neighbourhoods=around,
        )


@dataclass(frozen=True, slots=True)
class _Buffers:
    """The reused memory in which a FastTiles processes ``n`` pictures. Some of it has two names."""

    units: NDArray[Any]  # (n, units): squares, several pixels in one integer
    pixels_as_bytes: Bytes  # (n x squares, pixels of a square): view of units
    pixels: NDArray[np.float32]  # (n x squares, pixels of a square)
    inputs: torch.Tensor  # view of pixels
    squares: torch.Tensor  # (n x squares + 1, features); the last row is 0, for squares beyond the border
    rows: NDArray[np.float32]  # view of squares
    seen: NDArray[np.intp]  # rows of the neighbourhood of each place in turn
    around: NDArray[np.float32]  # (n x places x squares of a neighbourhood, features): those rows
    neighbourhoods: torch.Tensor  # (n x places, all features of a neighbourhood): view of around


def _by_places(weight: torch.Tensor, channels: int) -> torch.Tensor:
    """Reorder weights (outputs, channels x places) to (places x channels, outputs)."""
    return weight.view(len(weight), channels, -1).permute(2, 1, 0).flatten(0, 1)


def pixels_in_a_unit(size: int) -> int:
    """Number of pixels that can be copied at once from squares of ``size`` pixels."""
    return next(pixels for pixels in UNITS if size % pixels == 0)


def squares_of(shape: tuple[int, ...], size: int) -> NDArray[np.intp]:
    """Indices of the units that form each square of ``size`` pixels of a picture.

    ``shape`` is (channels, height, width). Squares come row by row, each with all its channels.
    """
    channels, height, width = shape
    pixels = pixels_in_a_unit(size)
    units = np.arange(channels * height * width // pixels, dtype=np.intp)
    units = units.reshape(channels, height // size, size, width // size, size // pixels)
    return units.transpose(1, 3, 0, 2, 4).ravel()


def neighbourhoods(grid: tuple[int, int], size: int, stride: int, padding: int) -> NDArray[np.intp]:
    """Indices of the squares under each window of a convolution over ``grid``, (rows, columns).

    One row per window, with its ``size`` x ``size`` squares row by row; -1 stands for a square beyond the
    border.
    """
    squares = np.arange(grid[0] * grid[1], dtype=np.intp).reshape(grid)
    padded = np.pad(squares, padding, constant_values=-1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))[::stride, ::stride]
    return windows.reshape(-1, size * size)


class FastEvents:
    """EventEncoder. Events change rarely, so the features of a group are reused until its events change."""

    def __init__(self, name: str, encoder: EventEncoder) -> None:
        self._name, self._bits = name, encoder.bits.numpy()
        self._layer, self.width = TransposedLayer(encoder.layer), encoder.layer.out_features
        self._known: dict[int, tuple[bytes, NDArray[np.float32]]] = {}  # by group

    def refresh(self) -> None:
        """Copy the encoder's current weights."""
        self._layer.refresh()
        self._known.clear()

    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """See Encoder."""
        events = observed[self._name]
        content, known = events.tobytes(), self._known.get(group)
        if known is None or known[0] != content:
            bits = torch.from_numpy(np.take(self._bits, events, axis=0)).flatten(1)
            known = self._known[group] = content, self._layer(bits).numpy()
        out.numpy()[:] = known[1]


class FastCodes:
    """OneHotEncoder."""

    def __init__(self, name: str, encoder: OneHotEncoder, codes: int) -> None:
        self._name, self._flags = name, encoder.flags.numpy()
        self.width = codes * len(self._flags)

    def refresh(self) -> None:
        """Do nothing: there are no weights."""

    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """See Encoder."""
        codes = observed[self._name]
        out.numpy()[:] = np.take(self._flags, codes, axis=0).reshape(len(codes), -1)


class FastScaled:
    """NumberEncoder of the observations ``names``."""

    def __init__(self, names: list[str], encoder: NumberEncoder) -> None:
        self._names, self._scaled = names, FastScaling(encoder.scaled)
        self._layer = TransposedLayer(encoder.layer, lambda weight: (weight * self._scaled.factor).t())
        self.width = encoder.layer.out_features

    def refresh(self) -> None:
        """Copy the encoder's current weights and statistics."""
        self._layer.refresh()
        self._scaled.refresh()

    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """See Encoder."""
        parts = [observed[name] for name in self._names]
        numbers = np.concatenate(parts, axis=1, dtype=np.float32)
        self._scaled(numbers)
        self._layer(torch.from_numpy(numbers), out)
