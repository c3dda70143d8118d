"""Gamma and lambda that are learned by the meta-gradient of Xu, van Hasselt and Silver (arXiv:1805.09801).

An update moves the weights by a step that depends on gamma and lambda. The next rollout, which those weights
played, says whether the move was good: by the policy gradient with the reference gamma and lambda, which do
not change. With weights w' = w - rate D dL/dw, where D is Adam's preconditioner, the derivative of that
objective J is

    dJ/dgamma = dJ/dw' . dw'/dgamma = - rate dJ/dw' . D d(dL/dw)/dgamma

As in the paper, dw'/dgamma covers one update alone. All its minibatches count as one step from the weights
where it began. Only the policy's objective judges: docs/metrics.md says what the value loss would do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.config.discounts import Learned
from training.config.schema import TrainConfig
from training.policies import popart
from training.ppo.advantage_slopes import AdvantageSlopes, Array, normalized, normalized_slope
from training.ppo.learned_number import LearnedNumber

if TYPE_CHECKING:
    from training.ppo.chunked_ppo import ChunkedPPO

NAMES = ("gamma", "gae_lambda")
Weights = tuple[Array, Array]
"""Weights of the log-probabilities and of the values in a sum to differentiate, each (n,)."""


def learned_discounts(config: TrainConfig) -> LearnedDiscounts | None:
    """Return the control of the learned ones of gamma and gae_lambda, or None without one."""
    settings = {name: getattr(config, name) for name in NAMES}
    learned = {name: setting for name, setting in settings.items() if isinstance(setting, Learned)}
    reference = {name: curve(0) for name, curve in config.schedules().items() if name in NAMES}
    reference |= {name: s.reference for name, s in learned.items() if s.reference is not None}
    return LearnedDiscounts(learned, reference) if learned else None


class LearnedDiscounts:
    """Learns those of gamma and gae_lambda that ``settings`` names.

    ``reference`` holds both for the objective.
    """

    def __init__(self, settings: Mapping[str, Learned], reference: Mapping[str, float]) -> None:
        self.numbers = {name: LearnedNumber(setting) for name, setting in settings.items()}
        self.reference = dict(reference)
        self._moves: dict[str, torch.Tensor] = {}

    def value_at(self, name: str, steps: int) -> float:
        """Return the current value of a learned number, whatever the step count, as a schedule has it."""
        return self.numbers[name].value

    def learn(self, model: ChunkedPPO) -> None:
        """Judge the last update by the model's rollout, and note how the coming one depends on the numbers.

        Call it before an update. The new numbers apply to the next rollout.
        """
        objective, dependence = self.gradients(model)
        for name, move in self._moves.items():
            if move.numel() == objective.numel():
                self.numbers[name].descend(float(objective @ move.to(objective.device)))
        scale = _preconditioner(model.policy.optimizer)
        self._moves = {name: -scale * vector for name, vector in dependence.items()}
        for name, number in self.numbers.items():
            setattr(model, name, number.value)
            setattr(model.rollout_buffer, name, number.value)

    def gradients(self, model: ChunkedPPO) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the gradient of the objective, and for each number the derivative of the loss's gradient.

        All are flat vectors over the policy's parameters, from one pass over the rollout.
        """
        buffer, plain = model.rollout_buffer, model.advantage_scope == "off"
        rows = slice(None) if buffer.valid is None else buffer.valid.flatten()
        judge = AdvantageSlopes(buffer, self.reference["gamma"], self.reference["gae_lambda"])
        judged = judge.advantages.flatten()[rows]
        terms = [(judged if plain else normalized(judged), np.zeros_like(judged))]
        used = AdvantageSlopes(buffer, buffer.gamma, buffer.gae_lambda)
        advantages = used.advantages.flatten()[rows]
        for name in self.numbers:
            slopes = used.by(name).flatten()[rows]
            policy = slopes if plain else normalized_slope(advantages, slopes)
            terms.append((policy, 2 * model.vf_coef * slopes))
        objective, *others = _gradients(model, terms)
        return objective, dict(zip(self.numbers, others, strict=True))

    def snapshot(self) -> dict[str, Any]:
        """Return the state: JSON values and float32 arrays."""
        return {
            "numbers": {name: number.snapshot() for name, number in self.numbers.items()},
            "moves": {name: move.cpu().numpy() for name, move in self._moves.items()},
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``, for the numbers that both have.

        Raises KeyError, TypeError or ValueError when it is damaged.
        """
        kept: Mapping[str, Any] = snapshot["numbers"]
        moves = {name: _flat_vector(move) for name, move in snapshot["moves"].items()}
        for name in self.numbers.keys() & kept.keys():
            self.numbers[name].restore(kept[name])
        self._moves = {name: move for name, move in moves.items() if name in self.numbers}


def _flat_vector(array: NDArray[Any]) -> torch.Tensor:
    if not isinstance(array, np.ndarray) or array.dtype != np.float32 or array.ndim != 1:
        raise ValueError("a move of the weights is damaged")
    return torch.from_numpy(array.copy())


def _preconditioner(optimizer: torch.optim.Optimizer) -> torch.Tensor:
    """What Adam multiplies a gradient by, but for the learning rate, flat; 1 before its first step."""
    parts = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            state = optimizer.state.get(parameter)
            if not state:
                parts.append(torch.ones_like(parameter).flatten())
                continue
            corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
            parts.append(1 / (corrected.sqrt() + group["eps"]).flatten())
    return torch.cat(parts).detach()


def _gradients(model: ChunkedPPO, terms: list[Weights]) -> torch.Tensor:
    """Gradients, (terms, parameters), of minus the mean of weighted log-probabilities and values.

    The ratio of probabilities is 1 before an update, so its gradient is that of the log-probability.
    """
    buffer, parameters = model.rollout_buffer, list(model.policy.parameters())
    every = buffer.buffer_size * buffer.n_envs
    indices = np.arange(every) if buffer.valid is None else np.flatnonzero(buffer.valid)
    weights = torch.from_numpy(np.array(terms)).float().to(model.device)
    head = model.policy.value_net
    one, zero = popart.normalized(head, torch.tensor([1.0, 0.0], device=model.device))
    weights[:, 1] *= one - zero  # the value loss compares normalised values with normalised returns

    def work(part: slice) -> torch.Tensor:
        observations = buffer.observations_at(indices[part])
        actions = buffer.numbers_at("actions", indices[part]).long()
        with model.precision():
            values, log_probs, _ = model.policy.evaluate_actions(observations, actions)
        judged = popart.normalized(head, values.float().flatten())
        sums = weights[:, 0, part] @ log_probs + weights[:, 1, part] @ judged
        return torch.stack([_flat_gradient(-one / len(indices), parameters) for one in sums])

    total = torch.zeros(len(terms), sum(parameter.numel() for parameter in parameters), device=model.device)
    for found in model.by_chunks(work, len(indices)):
        total += found
    return total


def _flat_gradient(loss: torch.Tensor, parameters: list[torch.nn.Parameter]) -> torch.Tensor:
    found = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([gradient.flatten() for gradient in found])
