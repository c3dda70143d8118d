"""Trials: a config's policy trained on the task with a seed, and evaluated on held-out seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from envs.red_env import RedEnv
from envs.vec_env import EmulatorVecEnv
from training.config.schema import TrainConfig
from training.environments.local import observations_of
from training.environments.monitor import GroupVecMonitor
from training.environments.task import resolve_task
from training.evaluation.players import policy_choice
from training.evaluation.playing import FIRST_EVALUATION_SEED, SEEDS_APART, Choose
from training.memory_task.errand import errand_makers
from training.ppo.build import build_model
from training.ppo.chunked_ppo import threads

Report = Callable[[int, float], None]


@dataclass(frozen=True)
class Trial:
    """The config in ``file``, to train with ``seed``."""

    file: Path
    config: TrainConfig
    seed: int

    @property
    def name(self) -> str:
        """The name of the policy: that of the file."""
        return self.file.stem


@dataclass(frozen=True)
class Outcome:
    """Steps of the training, and right choices among the episodes of its evaluation."""

    steps: int
    episodes: int
    right: int


class _Progress(BaseCallback):
    """Reports the share of right choices in each rollout."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report
        self._returns: list[float] = []

    def _on_step(self) -> bool:
        self._returns += [info["episode"]["r"] for info in self.locals["infos"] if "episode" in info]
        return True

    def _on_rollout_end(self) -> None:
        if self._returns:
            self._report(self.num_timesteps, float(np.mean(self._returns)))
        self._returns.clear()


@contextmanager
def errand_envs(config: TrainConfig) -> Iterator[GroupVecMonitor]:
    """The config's environments of the task, closed in the end. Raises UserError."""
    makers = errand_makers(resolve_task(config), config.num_envs)
    spaces = observations_of(config).space, RedEnv.actions()
    env = GroupVecMonitor(
        EmulatorVecEnv(makers, config.workers, step_timeout=config.step_timeout, spaces=spaces)
    )
    try:
        yield env
    finally:
        env.close()


def run_trial(trial: Trial, episodes: int, report: Report = lambda steps, right: None) -> Outcome:
    """Train the policy of the trial, then play ``episodes`` with sampled actions.

    ``report`` is called after each rollout with steps and the share of right choices. Raises UserError.
    """
    config = trial.config.model_copy(update={"seed": trial.seed})
    with errand_envs(config) as env:
        model = build_model(config, env)
        model.learn(config.training_steps, callback=_Progress(report))
        torch.manual_seed(FIRST_EVALUATION_SEED + trial.seed)
        right = right_choices(env, policy_choice(model, greedy=False), episodes, trial.seed)
    return Outcome(model.num_timesteps, episodes, right)


def right_choices(env: GroupVecMonitor, choose: Choose, episodes: int, seed: int) -> int:
    """Return the number of right choices in ``episodes`` episodes on held-out seed number ``seed``.

    Each environment plays a fixed share, as in every evaluation.
    """
    env.seed(FIRST_EVALUATION_SEED + seed * SEEDS_APART)
    observations = env.reset()
    assert isinstance(observations, dict)
    left = np.array([len(range(index, episodes, env.num_envs)) for index in range(env.num_envs)])
    starts: NDArray[np.bool_] = np.ones(env.num_envs, np.bool_)
    right = 0
    with threads(1):
        while left.any():
            observations, rewards, dones, _ = env.step(choose(observations, starts))  # type: ignore[arg-type]
            counted = dones & (left > 0)
            right += int(rewards[counted].sum())
            left -= counted
            starts = dones.copy()
    return right
