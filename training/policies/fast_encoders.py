"""The encoders of ``tile_policy`` as rollouts use them on a processor: for few observations at a time.

What they compute is the same but for the order of floating-point sums. Weights stand input by input, results
go where the last ones were, and what NumPy does in less time than torch takes to begin is left to NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.policies.tile_policy import (
    EventEncoder,
    NumberEncoder,
    OneHotEncoder,
    PatchEncoder,
    PictureEncoder,
    VisitedEncoder,
)

Bytes = NDArray[np.uint8]
Observed = Mapping[str, Bytes]
Order = Callable[[torch.Tensor], torch.Tensor]
UNITS = {8: np.int64, 4: np.int32, 2: np.int16, 1: np.uint8}
"""By bytes: in what pixels are moved, several at once."""
AT_ONCE = 16
"""Pictures that are cut and multiplied together, whatever the number of environments: it takes 70 kB each."""


class ByInputs:
    """A ``layer`` as a product with its weights, which stand input by input here: (inputs, outputs).

    ``order`` brings the layer's own weights into that order. A batch of 16 observations is multiplied with
    these in a half to a quarter of the time; an update, whose chunks are larger, gains nothing, and
    optimizers want the usual order.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, order: Order = torch.t) -> None:
        self._layer, self._order = layer, order
        weight, self.bias = self._take()
        self.weight = weight.clone(memory_format=torch.contiguous_format)

    def _take(self) -> tuple[torch.Tensor, torch.Tensor]:
        assert self._layer.bias is not None
        return self._order(self._layer.weight.detach()), self._layer.bias.detach()

    def refresh(self) -> None:
        """Take over the layer's weights as they are now."""
        weight, self.bias = self._take()
        self.weight.copy_(weight)

    def __call__(self, inputs: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """float32 (n, inputs) to float32 (n, outputs), in ``out`` where that is given."""
        return torch.addmm(self.bias, inputs, self.weight, out=out)


class SideBySide:
    """Layers of an actor and a critic as one product. ``shared``: both get the same inputs, and otherwise
    each its own, which stand beside one another as the outputs do."""

    def __init__(self, actor: nn.Linear, critic: nn.Linear, shared: bool) -> None:
        self._layers, self._shared = (actor, critic), shared
        inputs = actor.in_features if shared else actor.in_features + critic.in_features
        self._weight = torch.zeros(inputs, actor.out_features + critic.out_features)
        self.refresh()

    def refresh(self) -> None:
        """Take over the layers' weights as they are now."""
        row = column = 0
        for layer in self._layers:
            inputs, outputs = layer.in_features, layer.out_features
            self._weight[row : row + inputs, column : column + outputs] = layer.weight.detach().t()
            row, column = row + (0 if self._shared else inputs), column + outputs
        self._bias = torch.cat([layer.bias.detach() for layer in self._layers])

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """float32 (n, inputs) to float32 (n, outputs), those of the actor first."""
        return torch.addmm(self._bias, inputs, self._weight)


class Encoder(Protocol):
    """Features of one part of the observations."""

    width: int
    """How many features an observation has."""

    def refresh(self) -> None: ...
    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """Features to ``out``, float32 (n, width), some of them below 0 where the policy has 0.

        ``group``: observations of the same environments come with the same number.
        """


class FastTiles:
    """A Picture or a Visited, whose squares lie one after the other here, each with all its features.

    Convolutions ask for a plan and for other orders of their numbers at every call, which for 16 pictures
    takes as long as the sums.
    """

    def __init__(self, name: str, encoder: PictureEncoder | VisitedEncoder, shape: tuple[int, ...]) -> None:
        layers = list(encoder.layers)
        first, conv, last = layers[0], layers[1], layers[-2]
        assert isinstance(first, PatchEncoder) and isinstance(last, nn.Linear)
        self._name, size = name, first.layer.kernel_size[0]
        self._index, self._unit = squares_of(shape, size), UNITS[pixels_in_a_unit(size)]
        self._squares = ByInputs(first.layer, lambda weight: (weight * (1 / 255)).flatten(1).t())
        self._around: ByInputs | None = None
        channels = first.layer.out_channels
        grid = shape[1] // size, shape[2] // size
        self._seen = np.arange(grid[0] * grid[1])[:, np.newaxis]
        if isinstance(conv, nn.Conv2d):
            channels = conv.out_channels
            self._seen = neighbourhoods(grid, conv.kernel_size[0], conv.stride[0], int(conv.padding[0]))
            self._around = ByInputs(conv, lambda weight: weight.permute(2, 3, 1, 0).flatten(0, 2))
        self._all = ByInputs(last, lambda weight: _by_places(weight, channels))
        self._grid = grid[0] * grid[1]
        self.width = last.out_features
        self._rooms: dict[int, _Room] = {}

    def refresh(self) -> None:
        """Take over the weights as they are now."""
        for layer in (self._squares, self._around, self._all):
            if layer is not None:
                layer.refresh()

    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """See Encoder."""
        pictures = observed[self._name]
        for start in range(0, len(pictures), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            self._features(pictures[part], out[part])

    def _features(self, pictures: Bytes, out: torch.Tensor) -> None:
        number = len(pictures)
        room = self._rooms.get(number) or self._rooms.setdefault(number, self._make_room(number))
        units = pictures.reshape(number, -1).view(self._unit)
        np.take(units, self._index, axis=1, out=room.units, mode="clip")
        np.copyto(room.pixels, room.pixels_as_bytes)
        seen = self._squares(room.inputs, room.squares[:-1]).relu_()
        if self._around is not None:
            np.take(room.rows, room.seen, axis=0, out=room.around, mode="clip")
            seen = self._around(room.neighbourhoods).relu_()
        self._all(seen.view(number, -1), out)

    def _make_room(self, number: int) -> _Room:
        pixels, features = self._squares.weight.shape
        squares = number * self._grid
        units = np.empty((number, len(self._index)), self._unit)
        inputs = torch.empty(squares, pixels)
        outputs = torch.zeros(squares + 1, features)
        each = [np.where(self._seen < 0, squares, self._seen + n * self._grid) for n in range(number)]
        around = torch.empty(number * len(self._seen), self._seen.shape[1] * features)
        return _Room(
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
class _Room:
    """Where a Tiles works on ``n`` pictures: the same memory again and again, some of it by two names."""

    units: NDArray[Any]  # (n, units): squares, several pixels a number
    pixels_as_bytes: Bytes  # (n x squares, pixels of a square): the same
    pixels: NDArray[np.float32]  # (n x squares, pixels of a square)
    inputs: torch.Tensor  # the same
    squares: torch.Tensor  # (n x squares + 1, features), 0 in the last row: what lies beyond a border
    rows: NDArray[np.float32]  # the same
    seen: NDArray[np.intp]  # rows of what lies around one place after the other
    around: NDArray[np.float32]  # (n x places x squares of a neighbourhood, features): those rows
    neighbourhoods: torch.Tensor  # (n x places, all features of a neighbourhood): the same


def _by_places(weight: torch.Tensor, channels: int) -> torch.Tensor:
    """Weights (outputs, channels x places) as (places x channels, outputs)."""
    return weight.view(len(weight), channels, -1).permute(2, 1, 0).flatten(0, 1)


def pixels_in_a_unit(size: int) -> int:
    """How many pixels can be moved at once where squares of ``size`` pixels are cut."""
    return next(pixels for pixels in UNITS if size % pixels == 0)


def squares_of(shape: tuple[int, ...], size: int) -> NDArray[np.intp]:
    """Which units of a picture of ``shape``, (channels, height, width), make its squares of ``size`` pixels,
    one after the other: row by row, each with all its channels."""
    channels, height, width = shape
    pixels = pixels_in_a_unit(size)
    units = np.arange(channels * height * width // pixels, dtype=np.intp)
    units = units.reshape(channels, height // size, size, width // size, size // pixels)
    return units.transpose(1, 3, 0, 2, 4).ravel()


def neighbourhoods(grid: tuple[int, int], size: int, stride: int, padding: int) -> NDArray[np.intp]:
    """What a convolution over ``grid``, (rows, columns), looks at: for one place after the other the numbers
    of its ``size`` x ``size`` squares, row by row, and -1 for what lies beyond the border."""
    squares = np.arange(grid[0] * grid[1], dtype=np.intp).reshape(grid)
    padded = np.pad(squares, padding, constant_values=-1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))[::stride, ::stride]
    return windows.reshape(-1, size * size)


class FastEvents:
    """EventEncoder. Events fall seldom: while those of a group are what they were, so are its features."""

    def __init__(self, name: str, encoder: EventEncoder) -> None:
        self._name, self._bits = name, encoder.bits.numpy()
        self._layer, self.width = ByInputs(encoder.layer), encoder.layer.out_features
        self._known: dict[int, tuple[bytes, NDArray[np.float32]]] = {}  # by group

    def refresh(self) -> None:
        """Take over the weights as they are now."""
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
        """There are no weights."""

    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """See Encoder."""
        codes = observed[self._name]
        out.numpy()[:] = np.take(self._flags, codes, axis=0).reshape(len(codes), -1)


class FastScaled:
    """Numbers, of the parts ``names``."""

    def __init__(self, names: list[str], encoder: NumberEncoder) -> None:
        self._names = names
        self._layer = ByInputs(encoder.layer, lambda weight: (weight * encoder.scales).t())
        self.width = encoder.layer.out_features

    def refresh(self) -> None:
        """Take over the weights as they are now."""
        self._layer.refresh()

    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """See Encoder."""
        parts = [observed[name] for name in self._names]
        self._layer(torch.from_numpy(np.concatenate(parts, axis=1, dtype=np.float32)), out)
