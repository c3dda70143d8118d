"""Tests of learning against stable-baselines3's own PPO, on a task of seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from envs.vec_env import EmulatorVecEnv
from tests.training.conftest import TINY
from training.config.sections.network import NetworkConfig
from training.environments.monitor import GroupVecMonitor
from training.policies.tile_policy import GamePolicy, policy_kwargs
from training.ppo.chunked_ppo import has_bfloat16, threads
from training.ppo.pipelined_ppo import PipelinedPPO

KINDS, LENGTH, ENVS, UPDATES = 5, 16, 4, 10
SEEDS = range(5)
Refused = Callable[..., str]


class Lights(gymnasium.Env[dict[str, Any], np.int64]):
    """One of five lights is on. Its button pays 1, any other 0, and then a new light is drawn."""

    observation_space = spaces.Dict({"lights": spaces.Box(0, 255, (KINDS,), np.uint8)})  # type: ignore[assignment]
    action_space = spaces.Discrete(KINDS)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self._next(), {}

    def step(self, action: np.int64) -> Any:
        reward = float(action == self.lit)
        self.steps += 1
        return self._next(), reward, False, self.steps == LENGTH, {}

    def _next(self) -> dict[str, Any]:
        self.lit = int(self.np_random.integers(KINDS))
        lights = np.zeros(KINDS, np.uint8)
        lights[self.lit] = 255
        return {"lights": lights}


class Curve(BaseCallback):
    """Mean reward of a step, rollout by rollout."""

    def __init__(self) -> None:
        super().__init__()
        self.means: list[float] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        self.means.append(float(self.model.rollout_buffer.rewards.mean()))  # type: ignore[attr-defined]


def curve(kind: type[PPO], env: Any, seed: int) -> list[float]:
    """Learn with the same network and settings. Returns the mean reward of each rollout."""
    model = kind(
        GamePolicy,
        env,
        n_steps=32,
        batch_size=64,
        n_epochs=4,
        learning_rate=1e-2,
        gamma=0.9,
        seed=seed,
        device="cpu",
        policy_kwargs=policy_kwargs(NetworkConfig(numbers=16, hidden=(16,))),
    )
    found = Curve()
    with threads(1):  # more threads wait for each other while other programs use the cores
        model.learn(UPDATES * 32 * ENVS, callback=found)
    return found.means


def test_learning_curves_agree_in_distribution() -> None:
    """With five seeds each, the means differ at no point of the curve by more than chance explains."""
    makers = [Lights] * ENVS
    ours, theirs = [], []
    env = GroupVecMonitor(EmulatorVecEnv(makers, 1))
    for seed in SEEDS:
        ours.append(curve(PipelinedPPO, env, seed))
        theirs.append(curve(PPO, VecMonitor(DummyVecEnv(makers)), 100 + seed))  # type: ignore[arg-type]
    env.close()
    left, right = np.array(ours), np.array(theirs)
    assert left.shape == right.shape == (len(SEEDS), UPDATES)
    assert left[:, 0].mean() < 0.3, "by chance one button in five is right"
    for curves in (left, right):
        assert (curves[:, -1] > curves[:, 0] + 0.2).all(), "every seed learned"
    error = np.sqrt(left.var(axis=0, ddof=1) / len(SEEDS) + right.var(axis=0, ddof=1) / len(SEEDS))
    # Two-sided 99.9 % of Student's t with 8 degrees of freedom, for ten points at once.
    assert (np.abs(left.mean(axis=0) - right.mean(axis=0)) < 5.0 * error + 0.01).all()
    area = left.mean(axis=1), right.mean(axis=1)
    assert min(area[0]) < max(area[1]) and min(area[1]) < max(area[0]), "the areas under the curves overlap"


def test_bfloat16_changes_a_gradient_by_rounding_alone() -> None:
    """Without bfloat16 arithmetic torch emulates it, with the same results."""
    env = GroupVecMonitor(EmulatorVecEnv([Lights] * ENVS, 1))
    model = PipelinedPPO(
        GamePolicy,
        env,
        n_steps=32,
        batch_size=128,
        seed=0,
        device="cpu",
        policy_kwargs=policy_kwargs(NetworkConfig()),
    )
    model.learn(32 * ENVS)
    env.close()
    gradients = []
    for model.bfloat16 in (False, True):
        model.policy.optimizer.zero_grad()
        model.gradient(np.arange(32 * ENVS), 0.2)
        parts = [p.grad.flatten() for p in model.policy.parameters() if p.grad is not None]
        assert all(part.dtype == torch.float32 for part in parts)
        gradients.append(torch.cat(parts))
    exact, rounded = gradients
    assert not torch.equal(exact, rounded)
    assert torch.cosine_similarity(exact, rounded, dim=0) > 0.99


def test_bfloat16_is_refused_where_it_would_be_emulated(
    refused: Refused, program: Callable[..., Any], tmp_path: Any
) -> None:
    config = tmp_path / "tiny.json"
    config.write_text(json.dumps({**TINY, "total_steps": 64}))
    flags = ["--config", config, "--run-name", "bfloat16", "--bfloat16"]
    if has_bfloat16(torch.device("cpu")):
        assert program("train_ppo", *flags).returncode == 0
    else:
        assert (
            refused("train_ppo", *flags)
            == "bfloat16: this machine's cpu has no bfloat16 arithmetic; leave it off"
        )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no graphics card")
def test_learning_on_a_graphics_card() -> None:
    """With pinned transfers and autocast all stays finite, and batches do not overwrite earlier ones."""
    env = GroupVecMonitor(EmulatorVecEnv([Lights] * ENVS, 1))
    model = PipelinedPPO(
        GamePolicy,
        env,
        n_steps=32,
        batch_size=64,
        device="cuda",
        bfloat16=True,
        policy_kwargs=policy_kwargs(NetworkConfig()),
    )
    model.learn(4 * 32 * ENVS)
    env.close()
    assert all(torch.isfinite(parameter).all() for parameter in model.policy.parameters())
    buffer = model.rollout_buffer
    lights = buffer.observations["lights"].reshape(-1, KINDS)
    parts = np.arange(0, 64), np.arange(100, 128), np.arange(64, 128)
    found = [buffer.observations_at(indices)["lights"] for indices in parts]
    for indices, sent in zip(parts, found, strict=True):
        assert sent.device.type == "cuda" and np.array_equal(sent.cpu().numpy(), lights[indices])
