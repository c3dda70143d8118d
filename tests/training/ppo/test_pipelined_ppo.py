"""Tests of PipelinedPPO's rollouts and updates against plain PPO."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.buffers import DictRolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv
from torch.nn.functional import mse_loss

from tests.training.conftest import TINY
from tests.training.ppo.conftest import Make
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.local import env_makers
from training.environments.task import resolve_task
from training.ppo.pipelined_ppo import PipelinedPPO

# Episodes of 10 steps, so that every environment reaches its time limit twice in a rollout of 24.
CONFIG = {**TINY, "num_envs": 5, "workers": 2, "max_steps": 10, "n_steps": 24, "batch_size": 60}


@pytest.fixture(scope="module")
def config() -> TrainConfig:
    return load_config(None, CONFIG)


def rollout(model: PipelinedPPO) -> DictRolloutBuffer:
    """Collect one rollout without an update."""
    _, callback = model._setup_learn(10**6, None)
    assert model.env is not None
    assert model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
    return model.rollout_buffer


def test_the_buffer_is_what_plain_ppo_would_have_stored(make: Make, config: TrainConfig) -> None:
    """The same actions on DummyVecEnv, stored as stable-baselines3's collect_rollouts does."""
    model = make()
    buffer = rollout(model)
    plain = DummyVecEnv(env_makers(resolve_task(config), config.num_envs))  # type: ignore[arg-type]
    plain.seed(model.env.venv._pool.base_seed)  # type: ignore[union-attr]
    expected = DictRolloutBuffer(
        24, model.observation_space, model.action_space, "cpu", model.gae_lambda, model.gamma, 5  # type: ignore[arg-type]
    )  # fmt: skip
    observations, starts = plain.reset(), np.ones(5, bool)
    truncations = 0
    with torch.no_grad():
        for step in range(24):
            actions = buffer.actions[step]
            tensors, _ = model.policy.obs_to_tensor(observations)  # type: ignore[arg-type]
            chosen = torch.from_numpy(actions).flatten()
            values, log_probs, _ = model.policy.evaluate_actions(tensors, chosen)
            after, rewards, dones, infos = plain.step(actions.flatten())
            for index in np.flatnonzero(dones):
                truncations += infos[index]["TimeLimit.truncated"]
                last, _ = model.policy.obs_to_tensor(infos[index]["terminal_observation"])
                rewards[index] += model.gamma * float(model.policy.predict_values(last))
            expected.add(observations, actions, rewards, starts, values, log_probs)  # type: ignore[arg-type]
            observations, starts = after, dones
        tensors, _ = model.policy.obs_to_tensor(observations)  # type: ignore[arg-type]
        expected.compute_returns_and_advantage(model.policy.predict_values(tensors), dones)
    plain.close()
    assert truncations == 10
    for key, stored in expected.observations.items():
        assert stored.tobytes() == buffer.observations[key].tobytes(), key
    assert (expected.episode_starts == buffer.episode_starts).all()
    for name in ("rewards", "values", "log_probs", "advantages", "returns"):
        np.testing.assert_allclose(getattr(buffer, name), getattr(expected, name), rtol=1e-4, atol=1e-5)


def test_values_after_a_time_limit_can_be_left_out(make: Make) -> None:
    """The same actions: rewards differ by the discounted value where an episode ended, and nowhere else."""
    buffer, without = rollout(make()), rollout(make(value_bootstrap=False))
    assert (buffer.actions == without.actions).all()
    added = buffer.rewards != without.rewards
    assert added[[9, 19]].all() and added.sum() == 10
    assert (without.advantages != buffer.advantages).any()


def test_a_rollout_begins_where_the_last_one_ended(make: Make) -> None:
    model = make()
    first = rollout(model)
    last = {key: array.copy() for key, array in model._last_obs.items()}  # type: ignore[union-attr]
    starts = model._last_episode_starts.copy()  # type: ignore[union-attr]
    memory = first.observations["screen"]
    _, callback = model._setup_learn(10**6, None, reset_num_timesteps=False)
    assert model.env is not None
    model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
    assert model.rollout_buffer.observations["screen"] is memory, "no new arrays for each rollout"
    for key, array in last.items():
        assert (model.rollout_buffer.observations[key][0] == array).all()
    assert (model.rollout_buffer.episode_starts[0] == starts).all()


def test_a_rollout_after_an_update_uses_the_new_weights(make: Make) -> None:
    model = make(learning_rate=1e-2)
    rollout(model)
    model.train()
    buffer = rollout(model)
    observations = {key: torch.from_numpy(array[3]) for key, array in buffer.observations.items()}
    with torch.no_grad():
        actions = torch.from_numpy(buffer.actions[3]).flatten()
        values, log_probs, _ = model.policy.evaluate_actions(observations, actions)
    np.testing.assert_allclose(buffer.values[3], values.flatten(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(buffer.log_probs[3], log_probs, rtol=1e-4, atol=1e-5)


def test_the_gradient_is_that_of_stable_baselines3(make: Make) -> None:
    """A minibatch larger than a chunk and not a multiple of it, against the loss of PPO.train."""
    model = make(n_steps=40, batch_size=200)
    buffer = rollout(model)
    buffer.log_probs += np.random.default_rng(0).normal(0, 0.3, buffer.log_probs.shape).astype(np.float32)
    indices = np.random.default_rng(1).permutation(200)
    means = model.gradient(indices, 0.2)
    ours = [parameter.grad.clone() for parameter in model.policy.parameters() if parameter.grad is not None]
    model.gradient(indices, 0.2)
    again = [parameter.grad for parameter in model.policy.parameters() if parameter.grad is not None]
    assert all(map(torch.equal, ours, again)), "exactly the same, whichever thread is first"
    step, env = np.divmod(indices, 5)

    def picked(array: np.ndarray[Any, Any]) -> torch.Tensor:
        return torch.from_numpy(array[step, env].reshape(len(indices), *array.shape[2:]))

    observations = {key: picked(array) for key, array in buffer.observations.items()}
    model.policy.optimizer.zero_grad()
    actions = picked(buffer.actions).flatten()
    values, log_prob, entropy = model.policy.evaluate_actions(observations, actions)
    assert entropy is not None
    advantages = picked(buffer.advantages)
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    ratio = torch.exp(log_prob - picked(buffer.log_probs))
    policy = -torch.min(advantages * ratio, advantages * torch.clamp(ratio, 0.8, 1.2)).mean()
    value = mse_loss(picked(buffer.returns), values.flatten())
    loss = policy + model.ent_coef * -entropy.mean() + model.vf_coef * value
    torch.autograd.backward(loss)
    theirs = [parameter.grad for parameter in model.policy.parameters() if parameter.grad is not None]
    assert len(ours) == len(theirs) == len(list(model.policy.parameters()))
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-3, atol=1e-5 + 1e-4 * float(right.abs().max()))
    assert means["loss"] == pytest.approx(loss.item(), rel=1e-4)
    assert means["clipped"] == pytest.approx(float(((ratio - 1).abs() > 0.2).float().mean()), abs=1e-6)
    assert means["kl"] == pytest.approx((ratio - 1 - ratio.log()).mean().item(), rel=1e-3)


class Interfere(BaseCallback):
    """Calls ``act`` with the environments once, at step ``at``."""

    def __init__(self, at: int, act: Callable[[Any], bool | None]) -> None:
        super().__init__()
        self.at, self.act = at, act

    def _on_step(self) -> bool:
        return self.n_calls != self.at or self.act(self.training_env) is not False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_a_worker_lost_in_training_costs_only_its_episodes(make: Make, number: signal.Signals) -> None:
    model = make(step_timeout=0.5, n_epochs=2)
    ended: list[tuple[int, int]] = []

    def lose(env: Any) -> None:
        os.kill(env.venv.worker_pids[1], number)

    class Watch(BaseCallback):
        def _on_step(self) -> bool:
            ended.extend(
                (self.n_calls, index) for index, info in enumerate(self.locals["infos"]) if "episode" in info
            )
            return True

    assert model.env is not None
    lost = [index for group in model.env.venv._pool.parts[1] for index in group]  # type: ignore[attr-defined]
    model.learn(5 * 24 * 2, callback=[Interfere(13, lose), Watch()])
    assert model.num_timesteps == 5 * 24 * 2
    assert model._n_updates == 4
    early = [(step, index) for step, index in ended if step not in (10, 20, 30, 40)]
    assert {index for step, index in early if step < 16} == set(lost)
    assert {step for step, index in ended if index not in lost} == {10, 20, 30, 40}
    assert all(torch.isfinite(parameter).all() for parameter in model.policy.parameters())


def test_training_continues_after_a_callback_stopped_it(make: Make) -> None:
    model = make()
    asked: list[Any] = []
    stop = Interfere(7, lambda env: asked.extend(env.get_attr("render_mode")) or False)  # type: ignore[func-returns-value]
    model.learn(10**6, callback=stop)
    assert asked == ["rgb_array"] * 5
    assert model.num_timesteps == 35
    model.learn(120, reset_num_timesteps=False)
    assert model.num_timesteps == 155
