"""The policy as rollouts use it: its own weights, laid out for few observations at a time."""

from __future__ import annotations

import copy

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn


class ByInputs(nn.Module):
    """``layer``, whose weights stand input by input here, (inputs, outputs).

    A batch of 16 observations is multiplied with these in a half to a quarter of the time; an update, whose
    chunks are larger, gains nothing, and optimizers want the usual order.
    """

    weight: torch.Tensor

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.bias = layer.bias
        self.register_buffer("weight", layer.weight.detach().t().contiguous())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(n, inputs) to (n, outputs)."""
        return torch.addmm(self.bias, inputs, self.weight)


class Acting:
    """``policy`` to choose actions with; computes what it does but for the order of floating-point sums.

    Shares all that it has but the weights of linear layers, which ``refresh`` copies.
    """

    def __init__(self, policy: ActorCriticPolicy) -> None:
        self._twins: dict[nn.Module, nn.Module] = {}  # a policy holds its encoders under three names
        self.policy = self._twin(policy)

    def refresh(self) -> None:
        """Take over the weights as they are now."""
        for layer, own in self._twins.items():
            if isinstance(layer, nn.Linear) and isinstance(own, ByInputs):
                own.weight.copy_(layer.weight.detach().t())

    def _twin(self, module: nn.Module) -> nn.Module:
        """``module`` with a ByInputs in the place of every linear layer in it."""
        if module in self._twins:
            return self._twins[module]
        if isinstance(module, nn.Linear):
            twin: nn.Module = ByInputs(module)
        else:
            twin = copy.copy(module)
            twin._modules = {
                name: None if child is None else self._twin(child) for name, child in module._modules.items()
            }
        self._twins[module] = twin
        return twin
