"""Imitation of demonstrations: the gradient of a minibatch, and the auxiliary loss of PPO's updates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from training.demonstrations.samples import Samples
from training.policies.popart import normalized
from training.policies.tile_policy import GamePolicy

AUXILIARY = 26
"""Separates the random numbers of the auxiliary loss from others of the same seed."""
Indices = NDArray[np.int64]
Gradient = Sequence[torch.Tensor | None]
Result = TypeVar("Result")


class Learner(Protocol):
    """The parts of a ChunkedPPO that compute gradients."""

    policy: GamePolicy

    @property
    def device(self) -> torch.device: ...
    def precision(self) -> AbstractContextManager[Any]: ...
    def by_chunks(
        self, work: Callable[[slice], Result], size: int, evenly: bool = False
    ) -> Iterator[Result]: ...


class Targets(NamedTuple):
    """Returns that the value head learns beside the actions, float32 (samples,), and the weight of their
    squared error, in units in which the head learns."""

    returns: NDArray[np.float32]
    weight: float


def observed(samples: Samples, indices: Indices, device: torch.device) -> dict[str, torch.Tensor]:
    """Return the observations of these samples, uint8, on ``device``."""
    return {name: torch.from_numpy(array).to(device) for name, array in samples.at(indices).items()}


def add_gradient(
    learner: Learner, samples: Samples, indices: Indices, weight: float = 1.0, targets: Targets | None = None
) -> tuple[float, float]:
    """Add to the policy's gradient that of the mean loss over these samples, times ``weight``.

    The loss is the cross entropy of the actions; with ``targets`` the error of the values is added. Returns
    the means of both. Raises ValueError if the loss is not finite.
    """
    parameters = list(learner.policy.parameters())
    total = torch.zeros(2)

    def work(part: slice) -> tuple[torch.Tensor, Gradient]:
        sums = _losses(learner, samples, indices[part], targets) / len(indices)
        loss = weight * (sums[0] + (targets.weight if targets is not None else 0.0) * sums[1])
        return sums.detach().cpu(), torch.autograd.grad(loss, parameters, allow_unused=True)

    for sums, gradients in learner.by_chunks(work, len(indices), evenly=True):
        total += sums
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    if not torch.isfinite(total).all():
        raise ValueError(f"the loss of imitation is {total.tolist()}")
    cross_entropy, error = total.tolist()
    return cross_entropy, error


def _losses(learner: Learner, samples: Samples, indices: Indices, targets: Targets | None) -> torch.Tensor:
    """Return the sums over the samples of the cross entropy and of the values' squared error, (2,)."""
    actions = torch.from_numpy(samples.actions[indices]).to(learner.device)
    with learner.precision():
        values, log_probs, _ = learner.policy.evaluate_all(
            observed(samples, indices, learner.device), actions
        )
    error = values.new_zeros(())
    if targets is not None:
        head = learner.policy.value_net
        returns = torch.from_numpy(targets.returns[indices]).to(learner.device)
        error = (normalized(head, returns) - normalized(head, values[:, 0].float())).square().sum()
    return torch.stack([-log_probs.float().sum(), error])


class Imitation:
    """The auxiliary loss: minibatches of ``batch_size`` samples, drawn with replacement.

    Its random generator is part of checkpoints, so a resumed run draws the same minibatches. ``samples`` must
    be set before the first one.
    """

    def __init__(self, batch_size: int, seed: int) -> None:
        self.samples: Samples | None = None
        self._batch_size = batch_size
        self._random = np.random.default_rng([seed, AUXILIARY])

    def add_gradient(self, learner: Learner, coefficient: float) -> float:
        """Add the loss of the next minibatch to the policy's gradient. Returns the cross entropy."""
        assert self.samples is not None
        drawn = self._random.integers(0, len(self.samples.learned), self._batch_size)
        return add_gradient(learner, self.samples, self.samples.learned[drawn], coefficient)[0]

    def snapshot(self) -> dict[str, Any]:
        """Return the state of the random generator."""
        return {"random": self._random.bit_generator.state}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        self._random.bit_generator.state = snapshot["random"]
