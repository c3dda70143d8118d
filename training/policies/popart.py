"""PopArt: a value head that learns normalised returns and keeps its outputs when their statistics move.

Exported zips carry this package along, so it must not import the rest of the project.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import linear

from training.policies.running_moments import RunningMoments

LEAST_STD = 1e-4
"""Lower bound of the standard deviation of returns, as in Hessel et al. (2019), Multi-task deep reinforcement
learning with PopArt: returns that never differ would be divided by 0."""


class PopArtHead(nn.Linear):
    """A value head, (n, inputs) to values (n, 1) in units of reward, whose layer computes normalised values.

    ``follow`` moves the mean and standard deviation of returns and rescales weight and bias in the opposite
    direction, so that values stay what they were (van Hasselt et al. 2016, Learning values across many orders
    of magnitude, "preserving outputs precisely"). ``normalized`` gives returns and values the units in which
    errors are learned. ``layer`` is the head to replace, whose parameters are taken over.

    An optimizer's moments are left as they are. Adam's measure the size of gradients, and errors of
    normalised values have about the same size before and after a move. Scaling the moments with the weights
    would make its steps too large after returns have grown.
    """

    rest: torch.Tensor

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, device="meta")  # draws no random numbers
        self.weight, self.bias = layer.weight, layer.bias
        self.returns = RunningMoments((), LEAST_STD)
        # What float32 rounds off the bias when it moves: 1e-7 of the mean of returns, not of the values.
        self.register_buffer("rest", torch.zeros(layer.out_features, dtype=torch.float64))

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """float32 (n, inputs) to values, float32 (n, 1), in units of reward."""
        values = linear(latent.double(), self.weight.double(), self.bias.double() + self.rest)
        return (values * self.returns.std() + self.returns.mean).float()

    def normalized(self, numbers: torch.Tensor) -> torch.Tensor:
        """Returns or values in units of reward, of any shape, as normalised float32."""
        return ((numbers.double() - self.returns.mean) / self.returns.std()).float()

    @torch.no_grad()
    def follow(self, returns: torch.Tensor) -> None:
        """Add ``returns``, of any shape, to the statistics without changing any value.

        Raises ValueError if they are not finite; nothing has changed then.
        """
        mean, std = self.returns.mean.clone(), self.returns.std()
        exact = returns.double()
        self.returns.add(exact.mean(), exact.var(correction=0), exact.numel())
        new_std = self.returns.std()
        bias = ((self.bias.double() + self.rest) * std + mean - self.returns.mean) / new_std
        self.weight.copy_(self.weight.double() * (std / new_std))
        self.bias.copy_(bias)
        self.rest.copy_(bias - self.bias.double())


def normalized(head: nn.Module, numbers: torch.Tensor) -> torch.Tensor:
    """Returns or values of any value head in the units in which its errors are learned."""
    return head.normalized(numbers) if isinstance(head, PopArtHead) else numbers
