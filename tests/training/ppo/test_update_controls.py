"""Controls of the update: those that stable-baselines3 has against its own update, the others by effect."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from callbacks.adaptive_rate import RATE_STEP, AdaptiveRate
from envs.vec_env import EmulatorVecEnv
from tests.training.ppo.test_learning import Lights
from training.config.sections.network import NetworkConfig
from training.environments.monitor import GroupVecMonitor
from training.policies.tile_policy import GamePolicy, policy_kwargs, with_adam
from training.ppo.chunked_ppo import threads
from training.ppo.pipelined_ppo import PipelinedPPO
from training.ppo.rollout_buffer import Indices
from training.ppo.update_controls import advantages_at, normalization

STEPS = 128
SETTINGS: dict[str, Any] = {
    "n_steps": STEPS, "batch_size": 32, "n_epochs": 6, "learning_rate": 1e-2, "gamma": 0.9, "ent_coef": 0.01,
    "seed": 0, "device": "cpu", "policy_kwargs": policy_kwargs(NetworkConfig(numbers=16, hidden=(16,))),
}  # fmt: skip
Make = Callable[..., PipelinedPPO]


@pytest.fixture(scope="module")
def env() -> Iterator[GroupVecMonitor]:
    made = GroupVecMonitor(EmulatorVecEnv([Lights], 1))
    yield made
    made.close()


@pytest.fixture
def make(env: GroupVecMonitor) -> Iterator[Make]:
    """make(kind, **settings): a model with one rollout in its buffer, which is always the same."""

    def model(kind: type[PipelinedPPO] = PipelinedPPO, **settings: Any) -> PipelinedPPO:
        found = kind(GamePolicy, env, **{**SETTINGS, **settings})
        _, callback = found._setup_learn(10**6, None)
        found.set_logger(Logger(None, []))
        assert found.collect_rollouts(env, callback, found.rollout_buffer, STEPS)
        return found

    with threads(1):
        yield model


def weights(model: PPO) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.policy.parameters()])


def updated(model: PPO) -> PPO:
    np.random.seed(7)  # noqa: NPY002 - the order of minibatches
    model.train()
    return model


def stock(like: PipelinedPPO, **settings: Any) -> PPO:
    """stable-baselines3's PPO with the weights and the rollout of another."""
    model = PPO(GamePolicy, VecMonitor(DummyVecEnv([Lights])), **{**SETTINGS, **settings})  # type: ignore[list-item]
    model.policy.load_state_dict(like.policy.state_dict())
    model.set_logger(Logger(None, []))
    ours, theirs = like.rollout_buffer, model.rollout_buffer
    for name in ("actions", "values", "log_probs", "advantages", "returns"):
        setattr(theirs, name, getattr(ours, name).copy())
    theirs.observations = {key: array.copy() for key, array in ours.observations.items()}
    theirs.full = True
    return model


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"target_kl": 0.01},
        {"target_kl": 1e-6},
        {"clip_range_vf": 0.02},
        {"normalize_advantage": False},
        {"target_kl": 0.004, "clip_range_vf": 0.1, "normalize_advantage": False},
    ],
    ids=str,
)
def test_an_update_is_that_of_stable_baselines3(make: Make, settings: dict[str, Any]) -> None:
    ours = make(**settings)
    theirs = updated(stock(ours, **settings))
    updated(ours)
    assert ours._n_updates == theirs._n_updates
    assert (ours._n_updates < SETTINGS["n_epochs"]) == ("target_kl" in settings)
    torch.testing.assert_close(weights(ours), weights(theirs), rtol=1e-3, atol=1e-5)
    for key in ("approx_kl", "clip_fraction", "policy_gradient_loss", "value_loss", "entropy_loss", "loss"):
        expected = theirs.logger.name_to_value[f"train/{key}"]
        assert ours.logger.name_to_value[f"train/{key}"] == pytest.approx(expected, rel=1e-2, abs=1e-5), key
    if "clip_range_vf" in settings:
        assert ours.logger.name_to_value["train/clip_range_vf"] == settings["clip_range_vf"]
    if settings:
        assert (weights(ours) - weights(updated(make()))).abs().max() > 1e-3, "the setting has an effect"


class WithoutControls(PipelinedPPO):
    """The update as it was before it had controls."""

    def train(self) -> None:
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        for _ in range(self.n_epochs):
            for indices in self.rollout_buffer.minibatches(self.batch_size):
                self.gradient(indices, 0.2)
                torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
                self.policy.optimizer.step()

    def gradient(self, indices: Indices, clip_range: float) -> dict[str, float]:
        advantages = self.rollout_buffer.numbers_at("advantages", indices)
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
        self.policy.optimizer.zero_grad()
        parameters = list(self.policy.parameters())
        for _, gradients in self._each_chunk(indices, advantages, clip_range):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
        return {}

    def _losses(self, indices: Indices, advantages: torch.Tensor, clip_range: float) -> torch.Tensor:
        buffer = self.rollout_buffer
        actions = buffer.numbers_at("actions", indices).long()
        values, log_prob, entropy = self.policy.evaluate_actions(buffer.observations_at(indices), actions)
        assert entropy is not None
        ratio = (log_prob - buffer.numbers_at("log_probs", indices)).exp()
        clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
        error = buffer.numbers_at("returns", indices) - values.float().flatten()
        policy = -torch.min(advantages * ratio, advantages * clipped).sum()
        return torch.stack([policy, -entropy.sum(), error.square().sum(), policy * 0, policy * 0, policy * 0])


def test_the_defaults_change_no_bit(make: Make) -> None:
    assert torch.equal(weights(updated(make())), weights(updated(make(WithoutControls))))


def test_advantages_are_normalized_over_the_minibatch_the_rollout_or_not_at_all(make: Make) -> None:
    buffer = make().rollout_buffer
    indices = np.arange(10, 30)
    raw = torch.from_numpy(buffer.advantages.flatten())
    picked = raw[10:30]
    for scope, like in (("minibatch", picked), ("batch", raw)):
        found = advantages_at(buffer, indices, normalization(scope))  # type: ignore[arg-type]
        torch.testing.assert_close(found, (picked - like.mean()) / (like.std() + 1e-8))
    assert torch.equal(advantages_at(buffer, indices, "off"), picked)
    assert torch.equal(advantages_at(buffer, indices[:1], "minibatch"), picked[:1])
    buffer.valid = np.zeros((STEPS, 1), np.bool_)
    buffer.valid[:40] = True
    found = advantages_at(buffer, indices, "batch")
    torch.testing.assert_close(found, (picked - raw[:40].mean()) / (raw[:40].std() + 1e-8))


def test_normalization_over_the_rollout_changes_an_update(make: Make) -> None:
    found = {
        scope: weights(updated(make(normalize_advantage=scope))) for scope in ("minibatch", "batch", "off")
    }
    assert len({tuple(one.tolist()) for one in found.values()}) == 3
    assert torch.equal(found["minibatch"], weights(updated(make(normalize_advantage=True))))
    assert torch.equal(found["off"], weights(updated(make(normalize_advantage=False))))


def test_another_normalization_is_refused() -> None:
    with pytest.raises(ValueError, match="'rollout' must be minibatch, batch, off, True or False"):
        PipelinedPPO(GamePolicy, None, normalize_advantage="rollout")


@pytest.mark.parametrize("truncate", [True, False])
def test_gradients_are_clipped_unless_switched_off(make: Make, truncate: bool) -> None:
    model = make(max_grad_norm=1e-3)
    model.truncate_grads = truncate
    model.gradient(np.arange(STEPS), 0.2)
    model._take_step()
    norm = torch.cat([p.grad.flatten() for p in model.policy.parameters() if p.grad is not None]).norm()
    assert (norm <= 1.01e-3) == truncate


def test_adam_takes_its_settings(make: Make) -> None:
    kwargs = with_adam(SETTINGS["policy_kwargs"], {"eps": 0.1, "weight_decay": 0.5})
    changed = make(policy_kwargs=kwargs)
    group = changed.policy.optimizer.param_groups[0]
    assert (group["eps"], group["weight_decay"]) == (0.1, 0.5)
    decayed = make(policy_kwargs=with_adam(SETTINGS["policy_kwargs"], {"weight_decay": 0.5}))
    assert weights(updated(decayed)).norm() < 0.99 * weights(updated(make())).norm()


def rate_of(model: PPO) -> float:
    return float(model.policy.optimizer.param_groups[0]["lr"])


def test_an_adaptive_rate_changes_after_an_update(make: Make) -> None:
    model = make()
    for threshold, factor in ((1.0, RATE_STEP), (1e-6, 1 / RATE_STEP)):
        before = 1e-3
        model.adaptive_rate = AdaptiveRate(before, threshold, 1e-6, 1e-2)
        updated(model)
        assert model.logger.name_to_value["train/learning_rate"] == before, (
            "the update itself uses the old one"
        )
        assert rate_of(model) == model.adaptive_rate.rate == pytest.approx(before * factor)


def test_an_adaptive_rate_changes_before_every_minibatch_but_the_first(make: Make) -> None:
    model = make()
    model.adaptive_rate = AdaptiveRate(1e-9, 1e6, 1e-10, 1.0, "minibatch")
    updated(model)
    changes = STEPS // SETTINGS["batch_size"] * SETTINGS["n_epochs"] - 1
    assert rate_of(model) == model.adaptive_rate.rate == pytest.approx(1e-9 * RATE_STEP**changes)


def test_an_adaptive_rate_reaches_its_band(make: Make) -> None:
    """From a rate that is far too low, on one rollout that every update starts from anew."""
    model = make()
    model.adaptive_rate = AdaptiveRate(1e-6, 0.008, 1e-6, 1e-1)
    policy = copy.deepcopy(model.policy.state_dict())
    found = []
    for _ in range(40):
        model.policy.load_state_dict(policy)
        updated(model)
        found.append(float(model.logger.name_to_value["train/approx_kl"]))
    assert found[0] < 1e-3
    assert np.mean([0.004 <= kl <= 0.016 for kl in found[30:]]) >= 0.8
