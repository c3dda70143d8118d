"""The discriminator of AMP: its network, both losses, and the reward of a logit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from training.config.sections.imitation_rewards import AmpConfig
from training.learned_rewards.from_demonstrations.networks import layers
from training.learned_rewards.torch_state import (
    module_state,
    optimizer_state,
    restore_module,
    restore_optimizer,
)

MOST_GRADIENT = 1.0
"""Norm at which the gradient of the weights is truncated, as in rl_games."""
LEAST_PROBABILITY = 1e-4
"""Least probability of being the agent's in the reward of cross entropy."""
LEAST_SQUARES = "least_squares"


@dataclass(frozen=True, slots=True)
class Learned:
    """Statistics of one optimizer step: the loss, accuracies and gradient norms."""

    loss: float
    accuracy_agent: float
    accuracy_demonstrations: float
    gradient_norm: float
    """Norm of the gradient of the weights before it is truncated."""
    input_gradient: float
    """Root of the mean squared norm of the gradient by the inputs, at demonstrations."""


class Discriminator:
    """Tells the transitions of demonstrations (logit above 0) from those of the agent."""

    def __init__(self, config: AmpConfig, network: nn.Module) -> None:
        self._config, self._network = config, network
        self._optimizer = torch.optim.Adam(network.parameters(), lr=config.disc_learning_rate)

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """float32 (n, features) to float32 (n,)."""
        logits: torch.Tensor = self._network(features)[:, 0]
        return logits

    def learn(self, agent: torch.Tensor, demonstrated: torch.Tensor) -> Learned:
        """Take a step of the optimizer with these features, (n, features) each."""
        demonstrated = demonstrated.requires_grad_(True)
        theirs, ours = self.logits(agent), self.logits(demonstrated)
        (by_inputs,) = torch.autograd.grad(ours.sum(), demonstrated, create_graph=True)
        penalty = by_inputs.square().sum(dim=1).mean()
        loss = self._loss(theirs, ours) + self._config.disc_grad_penalty * penalty + self._decay()
        self._optimizer.zero_grad()
        (self._config.disc_coef * loss).backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._network.parameters(), MOST_GRADIENT)
        self._optimizer.step()
        return Learned(
            loss.item(),
            (theirs < 0).float().mean().item(),
            (ours > 0).float().mean().item(),
            norm.item(),
            penalty.sqrt().item(),
        )

    def _loss(self, theirs: torch.Tensor, ours: torch.Tensor) -> torch.Tensor:
        if self._config.disc_loss == LEAST_SQUARES:
            return 0.5 * ((theirs + 1).square().mean() + (ours - 1).square().mean())
        return 0.5 * (
            cross_entropy(theirs, torch.zeros_like(theirs)) + cross_entropy(ours, torch.ones_like(ours))
        )

    def _decay(self) -> torch.Tensor:
        weights = [part.weight for part in self._network.modules() if isinstance(part, nn.Linear)]
        everything = torch.stack([weight.square().sum() for weight in weights]).sum()
        last = weights[-1].square().sum()
        return self._config.disc_logit_reg * last + self._config.disc_weight_decay * everything

    def rewards(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the reward of each logit: -log(max(1 - sigmoid(D), 1e-4)) with cross entropy, and
        max(0, 1 - 0.25 (D - 1)^2) with least squares (Peng et al. 2021, equations 6 and 7)."""
        if self._config.disc_loss == LEAST_SQUARES:
            paid = (1 - 0.25 * (logits - 1).square()).clamp(min=0)
        else:
            paid = -(1 - torch.sigmoid(logits)).clamp(min=LEAST_PROBABILITY).log()
        return self._config.disc_reward_scale * paid

    def state(self) -> dict[str, Any]:
        """Return copies of the weights and of the optimizer's moments."""
        return {"network": module_state(self._network), "optimizer": optimizer_state(self._optimizer)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a ``state()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        restore_module(self._network, state["network"])
        restore_optimizer(self._optimizer, state["optimizer"])


def discriminator_network(config: AmpConfig, features: int) -> nn.Module:
    """Return the network, from ``features`` numbers to one logit."""
    return layers((features, *config.disc_hidden_layers, 1), nn.ReLU)
