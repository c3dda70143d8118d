"""The policy as rollouts use it on a processor: its own weights, laid out for few observations at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from training.policy import Patches, Picture, Visited

Order = Callable[[torch.Tensor], torch.Tensor]
UNITS = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.uint8}
"""By bytes: in what pixels are moved, several at once."""


class ByInputs(nn.Module):
    """A ``layer`` as a product with its weights, which stand input by input here: (inputs, outputs).

    ``order`` brings the layer's own weights into that order. A batch of 16 observations is multiplied with
    these in a half to a quarter of the time; an update, whose chunks are larger, gains nothing, and
    optimizers want the usual order.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d, order: Order = torch.t) -> None:
        super().__init__()
        self._source = (layer, order)  # in a tuple: the layer is no part of this one
        weight, self.bias = self._take()
        self.weight = weight.clone(memory_format=torch.contiguous_format)

    def _take(self) -> tuple[torch.Tensor, torch.Tensor]:
        layer, order = self._source
        assert layer.bias is not None
        return order(layer.weight.detach()), layer.bias.detach()

    def refresh(self) -> None:
        """Take over the layer's weights as they are now."""
        weight, self.bias = self._take()
        self.weight.copy_(weight)

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """(n, inputs) to (n, outputs); nn.Module's own way there takes as long as a small layer."""
        return torch.addmm(self.bias, inputs, self.weight)


class TilesByInputs(nn.Module):
    """A Picture or a Visited, whose squares lie one after the other here, each with all its features.

    Convolutions ask for a plan and for other orders of their numbers at every call, which for 16 pictures
    takes as long as the sums.
    """

    def __init__(self, encoder: Picture | Visited) -> None:
        super().__init__()
        layers = list(encoder.layers)
        first, last = layers[0], layers[-2]
        assert isinstance(first, Patches) and isinstance(last, nn.Linear)
        self._size = first.layer.kernel_size[0]
        self.squares = ByInputs(first.layer, lambda weight: (weight * (1 / 255)).flatten(1).t())
        channels, conv = first.layer.out_channels, layers[1]
        self.around: ByInputs | None = None
        if isinstance(conv, nn.Conv2d):
            channels = conv.out_channels
            self._conv = conv.kernel_size[0], conv.stride[0], int(conv.padding[0])
            self.around = ByInputs(conv, lambda weight: weight.permute(2, 3, 1, 0).flatten(0, 2))
        self.all = ByInputs(last, lambda weight: _by_places(weight, channels))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """uint8 (n, channels, height, width) to float32 (n, features)."""
        n, _, height, width = picture.shape
        squares = self.squares(cut(picture, self._size)).relu_()
        if self.around is not None:
            grid = squares.view(n, height // self._size, width // self._size, -1)
            squares = self.around(neighbourhoods(grid, *self._conv)).relu_()
        return self.all(squares.view(n, -1)).relu_()


def _by_places(weight: torch.Tensor, channels: int) -> torch.Tensor:
    """Weights (outputs, channels x places) as (places x channels, outputs)."""
    return weight.view(len(weight), channels, -1).permute(2, 1, 0).flatten(0, 1)


def cut(picture: torch.Tensor, size: int) -> torch.Tensor:
    """Squares of ``size`` pixels, row by row: uint8 (n, channels, height, width), contiguous, to float32
    (n x height / size x width / size, channels x size x size)."""
    n, channels, height, width = picture.shape
    pixels = next(pixels for pixels in UNITS if size % pixels == 0)
    units = picture.view(UNITS[pixels])
    units = units.view(n, channels, height // size, size, width // size, size // pixels)
    squares = units.permute(0, 2, 4, 1, 3, 5).contiguous().view(torch.uint8)
    return squares.view(-1, channels * size * size).float()


def neighbourhoods(grid: torch.Tensor, size: int, stride: int, padding: int) -> torch.Tensor:
    """What a convolution looks at, place by place: (n, rows, columns, features) to (n x places, size x size
    x features), with zeros beyond the border."""
    n, rows, columns, features = grid.shape
    padded = grid.new_zeros(n, rows + 2 * padding, columns + 2 * padding, features)
    padded[:, padding : padding + rows, padding : padding + columns] = grid
    down, right = ((length + 2 * padding - size) // stride + 1 for length in (rows, columns))
    each, row, column, _ = padded.stride()
    seen = padded.as_strided(
        (n, down, right, size, size * features), (each, stride * row, stride * column, row, 1)
    )
    return seen.reshape(n * down * right, size * size * features)


class Acting:
    """``policy`` to choose actions with; computes what it does but for the order of floating-point sums.

    Shares all that it has but the weights of layers, which ``refresh`` copies. On a graphics card it is the
    policy itself.
    """

    def __init__(self, policy: ActorCriticPolicy) -> None:
        self._twins: dict[nn.Module, nn.Module] = {}  # a policy holds its encoders under three names
        self.policy: nn.Module = self._twin(policy) if policy.device.type == "cpu" else policy
        self._layers = [module for module in self.policy.modules() if isinstance(module, ByInputs)]

    def refresh(self) -> None:
        """Take over the weights as they are now."""
        for layer in self._layers:
            layer.refresh()

    def _twin(self, module: nn.Module) -> nn.Module:
        """``module`` with a form by inputs in the place of every layer in it that has one."""
        if module in self._twins:
            return self._twins[module]
        if isinstance(module, nn.Linear):
            twin: nn.Module = ByInputs(module)
        elif isinstance(module, Picture | Visited):
            twin = TilesByInputs(module)
        else:
            twin = copy.copy(module)
            twin._modules = {
                name: None if child is None else self._twin(child) for name, child in module._modules.items()
            }
        self._twins[module] = twin
        return twin
