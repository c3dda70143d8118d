"""Running mean and variance, as buffers of a network.

Exported zips carry this package along, so it must not import the rest of the project.
"""

from __future__ import annotations

import torch
from torch import nn


class RunningMoments(nn.Module):
    """Mean and variance of all samples so far, of ``shape``: float64, with the number of samples as int64.

    They are buffers: checkpoints and exports contain them, and no optimizer changes them. Before the first
    sample the mean is 0 and the variance 1. ``least_std`` is a lower bound of ``std``.
    """

    mean: torch.Tensor
    variance: torch.Tensor
    count: torch.Tensor

    def __init__(self, shape: tuple[int, ...], least_std: float) -> None:
        super().__init__()
        self.least_std = least_std
        self.register_buffer("mean", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(shape, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def std(self) -> torch.Tensor:
        """The standard deviation, float64, at least ``least_std``."""
        return self.variance.sqrt().clamp(min=self.least_std)

    @torch.no_grad()
    def add(self, mean: torch.Tensor, variance: torch.Tensor, count: int) -> None:
        """Add ``count`` samples, given by their mean and variance (divided by ``count``).

        Formula: Chan, Golub and LeVeque (1979), Updating formulae and a pairwise algorithm for computing
        sample variances. Raises ValueError if the numbers are not finite; nothing has changed then.
        """
        if not (mean.isfinite().all() and variance.isfinite().all()):
            raise ValueError("the samples of a running mean are not finite numbers")
        share = count / (int(self.count) + count)
        difference = mean - self.mean
        self.mean += share * difference
        self.variance += share * (variance - self.variance + (1 - share) * difference.square())
        self.count += count
