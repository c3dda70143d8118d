"""Scaling of the numbers in observations, by their highest values or by running statistics."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.policies.running_moments import RunningMoments

LEAST_STD = 0.1
"""Lower bound of a number's standard deviation. It changes by at least 1, so less means hardly ever."""
BOUND = 5.0
"""Bound of normalised numbers, so that a flag that is hardly ever set does not drown all others."""


class InputScaling(nn.Module):
    """Multiplies numbers by ``scales``, (numbers,), or with ``normalize`` by running statistics.

    These subtract the mean so far and divide by the standard deviation so far; the result is clipped to
    ± BOUND.
    """

    scales: torch.Tensor

    def __init__(self, scales: torch.Tensor, normalize: bool) -> None:
        super().__init__()
        self.register_buffer("scales", scales, persistent=False)
        self.moments = RunningMoments(tuple(scales.shape), LEAST_STD) if normalize else None

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """uint8 (n, numbers) to float32 of that shape."""
        if self.moments is None:
            return numbers * self.scales
        centred = numbers - self.moments.mean.float()
        return (centred / self.moments.std().float()).clamp_(-BOUND, BOUND)


class FastScaling:
    """An InputScaling for NumPy arrays: ``factor`` belongs into the weights of the layer that follows."""

    def __init__(self, scaling: InputScaling) -> None:
        self._moments = scaling.moments
        self.factor = scaling.scales if scaling.moments is None else torch.ones_like(scaling.scales)
        self.refresh()

    def refresh(self) -> None:
        """Copy the current statistics."""
        if self._moments is not None:
            self._mean, self._std = self._moments.mean.float().numpy(), self._moments.std().float().numpy()

    def __call__(self, numbers: NDArray[np.float32]) -> None:
        """Scale float32 (n, numbers) in place, up to ``factor``."""
        if self._moments is not None:
            numbers -= self._mean
            numbers /= self._std
            np.clip(numbers, -BOUND, BOUND, out=numbers)
