"""Tests of normalised values, inputs and shaped rewards in real rollouts and updates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import DictRolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from torch.nn.functional import mse_loss

from envs.errors import UserError
from envs.observation_names import PLAIN_OBSERVATIONS
from tests.training.conftest import TINY
from tests.training.ppo.conftest import Make
from training.policies.features import IDS, GameFeatures
from training.policies.input_scaling import InputScaling
from training.policies.popart import PopArtHead
from training.ppo.normalization import follow_inputs, follow_returns
from training.ppo.pipelined_ppo import PipelinedPPO

# Episodes of 10 steps, so that every environment reaches its time limit twice in a rollout of 24.
CONFIG = {**TINY, "num_envs": 4, "max_steps": 10, "n_steps": 24, "batch_size": 48, "start": "route1"}
SHAPED = {"reward_shift": 0.05, "reward_scale": 1000, "clip_reward": 120}
EVERY = np.arange(96)


class Seen(BaseCallback):
    """What callbacks see: rewards (steps, environments), the sums of components, returns of episodes."""

    def __init__(self) -> None:
        super().__init__()
        self.rewards: list[NDArray[np.float32]] = []
        self.components: list[list[float]] = []
        self.returns: list[float] = []

    def _on_step(self) -> bool:
        infos = self.locals["infos"]
        self.rewards.append(self.locals["rewards"].copy())
        self.components.append([sum(info["reward_components"].values()) for info in infos])
        self.returns += [float(info["episode"]["r"]) for info in infos if "episode" in info]
        return True


def rollout(model: PipelinedPPO, callback: BaseCallback | None = None) -> DictRolloutBuffer:
    """Collect one rollout without an update."""
    _, callbacks = model._setup_learn(10**6, callback)
    assert model.env is not None
    assert model.collect_rollouts(model.env, callbacks, model.rollout_buffer, model.n_steps)
    return model.rollout_buffer


def head_of(model: PipelinedPPO) -> PopArtHead:
    assert isinstance(model.policy.value_net, PopArtHead)
    return model.policy.value_net


def scalings_of(policy: Any) -> list[InputScaling]:
    return [part for part in policy.modules() if isinstance(part, InputScaling)]


# --- rewards ---


def test_shaped_rewards_are_learned_from_and_reported_nowhere(make: Make) -> None:
    plain, shaped = Seen(), Seen()
    usual = rollout(make(), plain)
    buffer = rollout(make(**SHAPED), shaped)
    np.testing.assert_array_equal(buffer.actions, usual.actions)
    within = np.ones(usual.rewards.shape, bool)
    within[[9, 19]] = False  # the value of what the time limit cut off is added there
    given = np.array(plain.rewards)
    assert given.any() and ((given + 0.05) * 1000 > 120).any()
    np.testing.assert_array_equal(usual.rewards[within], given[within])
    expected = ((given + np.float32(0.05)) * np.float32(1000)).clip(-120, 120)
    np.testing.assert_array_equal(buffer.rewards[within], expected[within])
    after = buffer.rewards[~within] - expected[~within]
    np.testing.assert_allclose(after, usual.rewards[~within] - given[~within], atol=1e-4)
    np.testing.assert_array_equal(shaped.rewards, plain.rewards)
    np.testing.assert_allclose(shaped.components, shaped.rewards, atol=1e-6)
    assert shaped.returns == plain.returns != []


# --- values ---


def test_statistics_move_once_per_rollout_and_no_value_with_them(make: Make) -> None:
    model = make(normalize_value=True, reward_scale=1000)
    for number in (1, 2):
        buffer = rollout(model)
        observations = model.rollout_buffer.observations_at(EVERY)
        before = model.policy.predict_values(observations)
        returns = buffer.returns.astype(np.float64)
        seen = head_of(model).returns.count.item()
        follow_returns(model.policy, model.rollout_buffer)
        assert head_of(model).returns.count.item() == seen + 96 == 96 * number
        after = model.policy.predict_values(observations)
        assert (after - before).abs().max() <= 1e-6 * max(1, before.abs().max().item())
        if number == 1:
            assert head_of(model).returns.mean.item() == pytest.approx(returns.mean())
            assert head_of(model).returns.std().item() == pytest.approx(returns.std())
    assert head_of(model).returns.std().item() > 1


def test_an_update_moves_the_statistics_first(make: Make) -> None:
    """The loss of its first minibatch is that of normalised returns."""
    model = make(normalize_value=True, reward_scale=1000, batch_size=96)
    buffer = rollout(model)
    returns, values = buffer.returns.flatten(), buffer.values.flatten()
    model.train()
    assert head_of(model).returns.count.item() == 96
    logged = model.logger.name_to_value
    assert logged["train/value_mean"] == pytest.approx(returns.mean(), rel=1e-5)
    assert logged["train/value_std"] == pytest.approx(returns.std(), rel=1e-5)
    error = np.square(returns - values).mean() / returns.var()
    assert logged["train/value_loss"] == pytest.approx(error, rel=1e-3)


def test_the_gradient_is_that_of_normalised_errors(make: Make) -> None:
    model = make(normalize_value=True, reward_scale=1000)
    buffer = rollout(model)
    follow_returns(model.policy, model.rollout_buffer)
    means = model.gradient(EVERY, 0.2)
    ours = [parameter.grad.clone() for parameter in model.policy.parameters() if parameter.grad is not None]
    head = head_of(model)
    observations = model.rollout_buffer.observations_at(EVERY)
    actions = torch.from_numpy(buffer.actions).flatten().long()
    model.policy.optimizer.zero_grad()
    values, log_prob, entropy = model.policy.evaluate_actions(observations, actions)
    assert entropy is not None
    advantages = torch.from_numpy(buffer.advantages).flatten()
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    ratio = torch.exp(log_prob - torch.from_numpy(buffer.log_probs).flatten())
    policy = -torch.min(advantages * ratio, advantages * ratio.clamp(0.8, 1.2)).mean()
    errors = mse_loss(torch.from_numpy(buffer.returns).flatten(), values.flatten())
    value = errors / head.returns.std().float() ** 2
    torch.autograd.backward(policy - model.ent_coef * entropy.mean() + model.vf_coef * value)
    assert means["value"] == pytest.approx(value.item(), rel=1e-4)
    theirs = [parameter.grad for parameter in model.policy.parameters()]
    for left, right in zip(ours, theirs, strict=True):
        assert right is not None
        torch.testing.assert_close(left, right, rtol=1e-3, atol=1e-5 + 1e-4 * float(right.abs().max()))


@pytest.mark.parametrize("normalize", [True, False])
def test_large_rewards_do_not_drown_the_policy(make: Make, normalize: bool) -> None:
    """The loss of values in rewards x 1000 is a few times that of the policy, or thousands of times."""
    model = make(normalize_value=normalize, reward_scale=1000)
    rollout(model)
    follow_returns(model.policy, model.rollout_buffer)
    loss = model.gradient(EVERY, 0.2)["value"]
    assert loss < 10 if normalize else loss > 1000


def test_the_optimizers_moments_stay(make: Make) -> None:
    model = make(normalize_value=True)
    rollout(model)
    model.train()
    state = model.policy.optimizer.state[head_of(model).weight]
    before = {name: value.clone() for name, value in state.items()}
    head_of(model).follow(torch.full((96,), 500.0))
    assert all(torch.equal(state[name], value) for name, value in before.items())


def test_values_are_clipped_in_standard_deviations(make: Make) -> None:
    model = make(normalize_value=True, reward_scale=1000, clip_range_vf=0.01)
    buffer = rollout(model)
    follow_returns(model.policy, model.rollout_buffer)
    head = head_of(model)
    before, returns = (head.normalized(torch.from_numpy(x)) for x in (buffer.values, buffer.returns))
    head.bias.data += 1.0
    expected = (returns - (before + 0.01)).square().mean().item()
    assert model.gradient(EVERY, 0.2)["value"] == pytest.approx(expected, rel=1e-3)


def test_returns_without_normalisation_are_learned_as_they_are(make: Make) -> None:
    model = make()
    rollout(model)
    before = {name: tensor.clone() for name, tensor in model.policy.state_dict().items()}
    follow_returns(model.policy, model.rollout_buffer)
    follow_inputs(model.policy, model.rollout_buffer)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.policy.state_dict().items())
    model.train()
    assert "train/value_mean" not in model.logger.name_to_value


# --- inputs ---


@pytest.mark.parametrize("separate", [False, True])
def test_inputs_follow_the_numbers_of_valid_steps(make: Make, separate: bool) -> None:
    """Ids are no numbers: those that "place" and "team" begin with have no mean."""
    names = ["party", "place", "facing", "team"]
    model = make(normalize_input=True, network={"separate": separate}, observations=names)
    seen: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in names}
    for _ in range(2):
        buffer = rollout(model)
        model.rollout_buffer.valid = np.random.default_rng(0).random((24, 4)) < 0.7
        for name in names:
            seen[name].append(buffer.observations[name][model.rollout_buffer.valid])
        follow_inputs(model.policy, model.rollout_buffer)
    read = {name: np.concatenate(parts)[:, len(IDS.get(name, ())) :] for name, parts in seen.items()}
    features = model.policy.features_extractor
    assert isinstance(features, GameFeatures)
    parts = features.described, features.numbers
    expected = [np.concatenate([read[name] for name in part], axis=1) for part in parts]
    scalings = scalings_of(model.policy)
    assert len(scalings) == 2 * (1 + separate)
    for scaling, numbers in zip(scalings, expected * (1 + separate), strict=True):
        assert scaling.moments is not None
        assert scaling.moments.count.item() == len(numbers)
        np.testing.assert_allclose(scaling.moments.mean, numbers.mean(axis=0, dtype=np.float64), atol=1e-9)
        np.testing.assert_allclose(
            scaling.moments.std(), numbers.std(axis=0, dtype=np.float64).clip(0.1), rtol=1e-6
        )


def test_an_update_moves_the_statistics_of_inputs_last(make: Make) -> None:
    """So the update begins with the policy that acted: its first minibatch has no KL divergence."""
    model = make(normalize_input=True, batch_size=96, observations=PLAIN_OBSERVATIONS)
    rollout(model)
    model.train()
    assert model.logger.name_to_value["train/approx_kl"] == pytest.approx(0, abs=1e-6)
    [scaling] = scalings_of(model.policy)
    assert scaling.moments is not None and scaling.moments.count.item() == 96


def test_small_differences_of_a_number_reach_the_network(make: Make) -> None:
    """A menu entry of 0 or 1 differs as much as a flag of 0 or 255, and a rare flag stays within bounds."""
    model = make(normalize_input=True, observations=PLAIN_OBSERVATIONS)
    [scaling] = scalings_of(model.policy)
    assert scaling.moments is not None
    size = scaling.moments.mean.shape[0]
    numbers = torch.zeros(1000, size, dtype=torch.uint8)
    numbers[::2, 0], numbers[::2, 1], numbers[0, 2] = 1, 255, 255
    exact = numbers.double()
    scaling.moments.add(exact.mean(dim=0), exact.var(dim=0, correction=0), 1000)
    scaled = scaling(numbers)
    torch.testing.assert_close(scaled[:2, 0], torch.tensor([1.0, -1.0]))
    torch.testing.assert_close(scaled[:2, 1], torch.tensor([1.0, -1.0]))
    assert scaled[0, 2] == 5.0
    assert (scaled[:, 3:] == 0).all()


def test_inputs_without_numbers_are_refused(make: Make) -> None:
    with pytest.raises(UserError, match="normalize_input has no effect: none of the obs"):
        make(normalize_input=True, observations=["screen", "recent_actions"])
