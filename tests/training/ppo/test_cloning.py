"""Cloning: the policy learns the demonstrated actions, and everything else is left as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.config.sections.imitation import InitConfig
from training.demonstrations.demo_set import DemonstrationSet
from training.demonstrations.samples import Samples, make_samples
from training.environments.monitor import GroupVecMonitor
from training.environments.task import resolve_task
from training.make_env import make_vec_env
from training.ppo.build import build_model
from training.ppo.cloning import Cloned, clone
from training.ppo.imitation import Imitation, add_gradient
from training.ppo.pipelined_ppo import PipelinedPPO

SETTINGS: dict[str, Any] = {
    "start": "starter", "observations": ["place", "fight", "party"], "num_envs": 1, "n_steps": 16,
    "batch_size": 16, "device": "cpu", "max_steps": 100, "network": {"hidden": [32], "facts": 32},
}  # fmt: skip


def config_of(**settings: Any) -> TrainConfig:
    return load_config(None, {**SETTINGS, **settings})


@pytest.fixture(scope="module")
def samples(short_set: DemonstrationSet) -> Iterator[Samples]:
    with make_samples(short_set, resolve_task(config_of()), 0.1, seed=0) as made:
        yield made


@pytest.fixture(scope="module")
def env() -> Iterator[GroupVecMonitor]:
    made = make_vec_env(config_of())
    yield made
    made.close()


def section(epochs: int) -> InitConfig:
    return InitConfig(demonstrations="-", epochs=epochs, learning_rate=3e-3, batch_size=16)


def weights(model: PipelinedPPO) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.policy.parameters()])


class Curves(list[tuple[int, Mapping[str, float]]]):
    """What was logged."""

    def __call__(self, epochs: int, curves: Mapping[str, float]) -> None:
        self.append((epochs, dict(curves)))

    def of(self, name: str) -> list[float]:
        return [curves[name] for _, curves in self if name in curves]


@pytest.mark.parametrize("settings", [{}, {"normalize_value": True, "normalize_input": True}])
def test_it_learns_the_actions_and_the_returns(
    env: GroupVecMonitor, samples: Samples, settings: dict[str, Any]
) -> None:
    model, log = build_model(config_of(**settings), env), Curves()
    cloned = clone(model, samples, section(30), 0, log)
    assert [epochs for epochs, _ in log] == list(range(31))
    assert log.of("loss")[-1] < 0.75 * log.of("loss")[0]
    assert log.of("value_loss")[-1] < 0.5 * log.of("value_loss")[0]
    assert log.of("held_out_log_likelihood")[-1] > log.of("held_out_log_likelihood")[0] + 0.2
    measured = log.of("held_out_accuracy")[-1], log.of("held_out_log_likelihood")[-1]
    assert cloned == Cloned(30, *measured)
    assert measured[0] > log.of("held_out_accuracy")[0] + 0.1


def test_it_is_seeded_and_touches_nothing_else(env: GroupVecMonitor, samples: Samples) -> None:
    found = []
    for seed in (0, 0, 1):
        model = build_model(config_of(), env)
        before = torch.get_rng_state()
        clone(model, samples, section(1), seed, Curves())
        assert torch.equal(torch.get_rng_state(), before)
        assert model.policy.optimizer.state_dict()["state"] == {}
        found.append(weights(model))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_without_a_value_loss_the_value_head_stays(env: GroupVecMonitor, samples: Samples) -> None:
    model, log = build_model(config_of(vf_coef=0.0), env), Curves()
    before = [parameter.clone() for parameter in model.policy.value_net.parameters()]
    clone(model, samples, section(1), 0, log)
    assert all(map(torch.equal, before, model.policy.value_net.parameters()))
    assert log.of("value_loss") == []


def test_a_stop_ends_it(env: GroupVecMonitor, samples: Samples) -> None:
    model, asked = build_model(config_of(), env), iter([False, True])
    assert clone(model, samples, section(5), 0, Curves(), lambda: next(asked)).epochs == 0


def test_the_gradient_is_that_of_the_cross_entropy(env: GroupVecMonitor, samples: Samples) -> None:
    model = build_model(config_of(), env)
    indices = samples.learned[:40]
    model.policy.optimizer.zero_grad()
    loss, _ = add_gradient(model, samples, indices, weight=0.5)
    found = {name: p.grad.clone() for name, p in model.policy.named_parameters() if p.grad is not None}
    model.policy.optimizer.zero_grad()
    observations = {name: torch.from_numpy(array) for name, array in samples.at(indices).items()}
    logits = model.policy.get_distribution(observations).distribution.logits  # type: ignore[union-attr]
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(samples.actions[indices]))
    (0.5 * expected).backward()  # type: ignore[no-untyped-call]
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for name, parameter in model.policy.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6)
    assert "value_net.weight" not in found


def test_the_auxiliary_loss_draws_the_same_after_a_resume(env: GroupVecMonitor, samples: Samples) -> None:
    model = build_model(config_of(), env)
    one, other = Imitation(32, seed=0), Imitation(32, seed=5)
    one.samples = other.samples = samples
    first = one.add_gradient(model, 1.0)
    other.restore(one.snapshot())
    again = [imitation.add_gradient(model, 1.0) for imitation in (one, other)]
    assert again[0] == again[1] != first


def test_samples_to_learn_from_are_those_that_are_not_random(
    samples: Samples, short_set: DemonstrationSet
) -> None:
    marked = sum(len(one.noise) for one in short_set)
    assert len(samples.learned) + len(samples.held_out) == len(samples.actions) - marked
    assert np.unique(samples.learned).size == samples.learned.size
