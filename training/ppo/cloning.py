"""Behaviour cloning: a policy learns the actions of demonstrations by cross entropy, before PPO starts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.config.sections.imitation import InitConfig
from training.demonstrations.samples import Samples
from training.policies.popart import PopArtHead
from training.ppo.chunked_ppo import threads
from training.ppo.imitation import Indices, Targets, add_gradient, observed
from training.ppo.normalization import follow_inputs
from training.ppo.pipelined_ppo import PipelinedPPO

CLONING = 27
"""Separates the random numbers of cloning from others of the same seed."""
MEASURED = 1024
"""Samples that are measured at once."""
LEAST_VARIANCE = 1e-8
Log = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True, slots=True)
class Cloned:
    """The result: epochs that were completed, and the last held-out measurements (NaN without any)."""

    epochs: int
    accuracy: float
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class _Observed:
    """Samples in the shape of a rollout with one environment, for the statistics of inputs."""

    observations: Mapping[str, NDArray[np.uint8]]
    buffer_size: int
    n_envs: int = 1
    valid: NDArray[np.bool_] | None = None


def clone(
    model: PipelinedPPO,
    samples: Samples,
    section: InitConfig,
    seed: int,
    log: Log,
    stopping: Callable[[], bool] = lambda: False,
) -> Cloned:
    """Train the model's policy on the samples for ``section.epochs`` epochs, with an Adam of its own.

    Its learning rate falls linearly to 0, since the last steps would otherwise be as noisy as the first.
    The value head learns the discounted returns of the demonstrations, unless ``vf_coef`` is 0. ``log`` is
    called with the number of epochs and curves by name, first before any epoch. Ends early once
    ``stopping()`` is true. PPO's optimizer and torch's random generators are not affected.
    """
    policy = model.policy
    optimizer = torch.optim.Adam(policy.parameters(), lr=section.learning_rate)
    shuffled = np.random.default_rng([seed, CLONING])
    follow_inputs(policy, _as_rollout(samples))
    targets = _targets(model, samples)
    policy.set_training_mode(True)
    with threads(1):
        measured = _measure(model, samples)
        log(0, measured)
        for epoch in range(1, section.epochs + 1):
            losses = []
            for indices, done in _minibatches(samples, section.batch_size, shuffled):
                if stopping():
                    return _cloned(epoch - 1, measured)
                left = 1.0 - (epoch - 1 + done) / section.epochs
                optimizer.param_groups[0]["lr"] = section.learning_rate * left
                optimizer.zero_grad()
                losses.append(add_gradient(model, samples, indices, targets=targets))
                optimizer.step()
            measured = _measure(model, samples)
            log(epoch, {**_means(losses, targets), **measured})
    return _cloned(section.epochs, measured)


def _means(losses: list[tuple[float, float]], targets: Targets | None) -> dict[str, float]:
    cross_entropy, error = np.mean(losses, axis=0).tolist()
    return {"loss": cross_entropy, **({} if targets is None else {"value_loss": error})}


def _cloned(epochs: int, measured: Mapping[str, float]) -> Cloned:
    names = "held_out_accuracy", "held_out_log_likelihood"
    return Cloned(epochs, *(measured.get(name, float("nan")) for name in names))


def _minibatches(
    samples: Samples, size: int, shuffled: np.random.Generator
) -> Iterator[tuple[Indices, float]]:
    """Yield every sample to learn from once, in random order, with the share of them that came before."""
    order = shuffled.permutation(samples.learned)
    for start in range(0, len(order), size):
        yield order[start : start + size], start / len(order)


def _targets(model: PipelinedPPO, samples: Samples) -> Targets | None:
    """Return the returns that the value head learns, with the weight of their errors.

    Errors are divided by the variance of the returns, so that large rewards do not push the actions aside.
    """
    if model.vf_coef == 0:
        return None
    returns = samples.returns(model.shape_rewards(samples.rewards), model.gamma)
    known = returns[samples.learned]
    head = model.policy.value_net
    if isinstance(head, PopArtHead):
        head.follow(torch.from_numpy(known).to(model.device))
        return Targets(returns, model.vf_coef)
    return Targets(returns, model.vf_coef / max(float(known.var()), LEAST_VARIANCE))


def _as_rollout(samples: Samples) -> _Observed:
    arrays = {name: array[:, np.newaxis] for name, array in samples.observations.items()}
    return _Observed(arrays, len(samples.actions))


@torch.no_grad()
def _measure(model: PipelinedPPO, samples: Samples) -> dict[str, float]:
    """Return accuracy and mean log-likelihood of the held-out actions; empty without any."""
    if not len(samples.held_out):
        return {}
    right, log_likelihood = 0, 0.0
    for start in range(0, len(samples.held_out), MEASURED):
        indices = samples.held_out[start : start + MEASURED]
        actions = torch.from_numpy(samples.actions[indices]).to(model.device)
        with model.precision():
            logits = model.policy.get_distribution(observed(samples, indices, model.device)).distribution
        log_probs = logits.logits.float().log_softmax(dim=1)  # type: ignore[union-attr]
        right += int((log_probs.argmax(dim=1) == actions).sum())
        log_likelihood += float(log_probs.gather(1, actions.unsqueeze(1)).sum())
    count = len(samples.held_out)
    return {"held_out_accuracy": right / count, "held_out_log_likelihood": log_likelihood / count}
