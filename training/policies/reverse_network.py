"""A backward model of the environment: from a state to the features of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import layer_norm, one_hot


class Transitions(NamedTuple):
    """n steps: features before and after each, (n, features), actions (n,), and values of the states after,
    (n,)."""

    before: torch.Tensor
    after: torch.Tensor
    actions: torch.Tensor
    values: torch.Tensor


class ReverseNetwork(nn.Module):
    """Predicts the features of the state before a step.

    A backward model as in Goyal et al. (2019, Recall Traces, arXiv 1804.00379) and Edwards et al. (2018,
    Forward-Backward Reinforcement Learning, arXiv 1803.10227), but of features instead of observations, as
    the forward model of Pathak et al. (2017, arXiv 1705.05363) is. Goyal et al. go back from states of high
    value; here the value is an input.
    """

    def __init__(
        self, features: int, actions: int, hidden: Sequence[int], activation: type[nn.Module] = nn.ReLU
    ) -> None:
        super().__init__()
        self.actions = actions
        widths = [features + actions + 1, *hidden]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), activation()]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], features))

    def forward(self, after: torch.Tensor, actions: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Normalised features (n, features), actions (n,) and values (n,) to the prediction (n, features)."""
        chosen = one_hot(actions, self.actions).to(after.dtype)
        return self.layers(torch.cat([after, chosen, values[:, None]], dim=1))  # type: ignore[no-any-return]

    def errors(self, steps: Transitions) -> torch.Tensor:
        """The mean squared error of the prediction of each step, (n,).

        Features of each state are normalised to mean 0 and variance 1, so that 1 is the error of a prediction
        of zeros, and an encoder gains nothing by making them small. What is predicted has no gradient.
        """
        width = steps.after.shape[1:]
        wanted = layer_norm(steps.before.detach().float(), width)
        found = self(layer_norm(steps.after.float(), width), steps.actions, steps.values)
        errors: torch.Tensor = (found.float() - wanted).square().mean(dim=1)
        return errors
