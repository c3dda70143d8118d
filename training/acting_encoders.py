"""The encoders of ``training.policy`` as rollouts use them on a processor: for few observations at a time.

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

from training.policy import EventBits, Numbers, OneHot, Patches, Picture, Visited

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

    @property
    def outputs(self) -> int:
        """How many numbers it gives."""
        return len(self.bias)

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


class Encoder(Protocol):
    """Features of one part of the observations."""

    width: int

    def refresh(self) -> None: ...
    def into(self, out: torch.Tensor, observed: Observed, group: int) -> None:
        """Put the features, some of them below 0 where the policy has 0, into ``out``, float32 (n, width).

        ``group``: observations of the same environments come with the same number.
        """


@dataclass(frozen=True, slots=True)
class _Room:
    """Where a Tiles works on ``n`` pictures: the same memory again and again."""

    units: NDArray[Any]  # squares, several pixels a number
    pixels: NDArray[np.float32]  # (n x squares, pixels of a square)
    squares: torch.Tensor  # (n x squares, features)
    padded: torch.Tensor  # (n, rows + 2 padding, columns + 2 padding, features): squares with a border of 0
    around: torch.Tensor  # (n x places, features of a neighbourhood)


class Tiles:
    """A Picture or a Visited, whose squares lie one after the other here, each with all its features.

    Convolutions ask for a plan and for other orders of their numbers at every call, which for 16 pictures
    takes as long as the sums.
    """

    def __init__(self, name: str, encoder: Picture | Visited, shape: tuple[int, ...]) -> None:
        layers = list(encoder.layers)
        first, conv, last = layers[0], layers[1], layers[-2]
        assert isinstance(first, Patches) and isinstance(last, nn.Linear)
        self._name, self._size = name, first.layer.kernel_size[0]
        self._index = squares_of(shape, self._size)
        self._grid = shape[1] // self._size, shape[2] // self._size
        self._squares = ByInputs(first.layer, lambda weight: (weight * (1 / 255)).flatten(1).t())
        self._around: ByInputs | None = None
        channels, self._border, self._view = first.layer.out_channels, 0, (1, 1)
        if isinstance(conv, nn.Conv2d):
            channels, self._border = conv.out_channels, int(conv.padding[0])
            self._view = conv.kernel_size[0], conv.stride[0]
            self._around = ByInputs(conv, lambda weight: weight.permute(2, 3, 1, 0).flatten(0, 2))
        self._all = ByInputs(last, lambda weight: _by_places(weight, channels))
        self.width = self._all.outputs
        self._rooms: dict[int, _Room] = {}

    def refresh(self) -> None:
        """Take over the weights as they are now."""
        for layer in (self._squares, self._around, self._all):
            if layer is not None:
                layer.refresh()

    def into(self, out: torch.Tensor, observed: Observed, group: int) -> None:
        """See Encoder."""
        pictures = observed[self._name]
        seen = out.new_empty(len(pictures), len(self._all.weight))
        for start in range(0, len(pictures), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            self._see(seen[part], pictures[part])
        self._all(seen, out)

    def _see(self, out: torch.Tensor, pictures: Bytes) -> None:
        """All but the last layer: to float32 (n, features)."""
        number = len(pictures)
        room = self._rooms.get(number) or self._rooms.setdefault(number, self._make_room(number))
        units = pictures.reshape(number, -1).view(room.units.dtype)
        np.take(units, self._index, axis=1, out=room.units, mode="clip")
        np.copyto(room.pixels, room.units.view(np.uint8).reshape(room.pixels.shape))
        seen = self._squares(torch.from_numpy(room.pixels), room.squares)
        if self._around is not None:
            rows, columns = self._grid
            inside = room.padded[:, self._border : self._border + rows, self._border : self._border + columns]
            torch.clamp_min(seen.view(inside.shape), 0, out=inside)
            neighbourhoods(room.padded, *self._view, out=room.around)
            seen = self._around(room.around)
        torch.clamp_min(seen.view(out.shape), 0, out=out)

    def _make_room(self, number: int) -> _Room:
        rows, columns = self._grid
        pixels, features = self._squares.weight.shape
        height, width = rows + 2 * self._border, columns + 2 * self._border
        size, stride = self._view
        places = ((height - size) // stride + 1) * ((width - size) // stride + 1)
        unit = UNITS[pixels_in_a_unit(self._size)]
        return _Room(
            units=np.empty((number, len(self._index)), unit),
            pixels=np.empty((number * rows * columns, pixels), np.float32),
            squares=torch.empty(number * rows * columns, features),
            padded=torch.zeros(number, height, width, features),
            around=torch.empty(number * places, size * size * features),
        )


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


def neighbourhoods(padded: torch.Tensor, size: int, stride: int, out: torch.Tensor) -> None:
    """What a convolution looks at, place by place: ``padded``, (n, rows, columns, features), to ``out``,
    (n x places, size x size x features)."""
    n, rows, columns, features = padded.shape
    down, right = ((length - size) // stride + 1 for length in (rows, columns))
    each, row, column, _ = padded.stride()
    shape, strides = (n, down, right, size, size * features), (each, stride * row, stride * column, row, 1)
    out.view(shape).copy_(padded.as_strided(shape, strides))


class Events:
    """EventBits. Events fall seldom: while those of a group are what they were, so are its features."""

    def __init__(self, name: str, encoder: EventBits) -> None:
        self._name, self._bits = name, encoder.bits.numpy()
        self._layer = ByInputs(encoder.layer)
        self.width = self._layer.outputs
        self._known: dict[int, tuple[Bytes, torch.Tensor]] = {}  # by group

    def refresh(self) -> None:
        """Take over the weights as they are now."""
        self._layer.refresh()
        self._known.clear()

    def into(self, out: torch.Tensor, observed: Observed, group: int) -> None:
        """See Encoder."""
        events = observed[self._name]
        known = self._known.get(group)
        if known is None or not np.array_equal(known[0], events):
            bits = torch.from_numpy(np.take(self._bits, events, axis=0)).flatten(1)
            known = events.copy(), self._layer(bits)
            self._known[group] = known
        out.copy_(known[1])


class Codes:
    """OneHot."""

    def __init__(self, name: str, encoder: OneHot, codes: int) -> None:
        self._name, self._flags = name, encoder.flags.numpy()
        self.width = codes * len(self._flags)

    def refresh(self) -> None:
        """There are no weights."""

    def into(self, out: torch.Tensor, observed: Observed, group: int) -> None:
        """See Encoder."""
        codes = observed[self._name]
        out.numpy()[:] = np.take(self._flags, codes, axis=0).reshape(len(codes), -1)


class Scaled:
    """Numbers, of the parts ``names``."""

    def __init__(self, names: list[str], encoder: Numbers) -> None:
        self._names = names
        self._layer = ByInputs(encoder.layer, lambda weight: (weight * encoder.scales).t())
        self.width = self._layer.outputs

    def refresh(self) -> None:
        """Take over the weights as they are now."""
        self._layer.refresh()

    def into(self, out: torch.Tensor, observed: Observed, group: int) -> None:
        """See Encoder."""
        parts = [observed[name] for name in self._names]
        numbers = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        self._layer(torch.from_numpy(numbers).float(), out)
