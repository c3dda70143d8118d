"""Evaluation while a run trains: some whole episodes on seeds held apart, now and then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from training.config import TrainConfig
from training.episodes import MEANS, SIDE_BY_SIDE, play_episodes, policy_choice, summarise
from training.runs import append_json_line


class EvaluateNowAndThen(BaseCallback):
    """Plays ``config.eval_episodes`` episodes every ``config.eval_every_steps`` steps, between updates.

    Records ``eval/mean_*``, adds a row to eval.jsonl, and calls ``on_best`` when the mean return beats all
    before. The random generators of training are left as they were.
    """

    def __init__(
        self, config: TrainConfig, folder: Path, make: Callable[[int], VecEnv], on_best: Callable[[], object]
    ) -> None:
        super().__init__()
        self.config, self.folder = config, folder
        self.make, self.on_best = make, on_best
        self.best: float | None = None
        self._env: VecEnv | None = None
        self._next = 0

    def _on_training_start(self) -> None:
        self._next = self.model.num_timesteps + self.config.eval_every_steps

    def _on_rollout_start(self) -> None:
        self._evaluate_when_due()

    def _on_training_end(self) -> None:
        self._evaluate_when_due()
        if self._env is not None:
            self._env.close()
            self._env = None

    def _on_step(self) -> bool:
        return True

    def _evaluate_when_due(self) -> None:
        if self.model.num_timesteps < self._next:
            return
        self._next = self.model.num_timesteps + self.config.eval_every_steps
        summary = self._evaluate()
        for name in MEANS:
            self.logger.record(f"eval/mean_{name}", summary[f"{name}_mean"])
        self.logger.dump(self.model.num_timesteps)
        row = {"steps": self.model.num_timesteps, "policy": "stochastic", "while": "training", **summary}
        append_json_line(self.folder / "eval.jsonl", row)
        if self.best is None or summary["return_mean"] > self.best:
            self.best = summary["return_mean"]
            self.on_best()

    def _evaluate(self) -> dict[str, Any]:
        episodes = self.config.eval_episodes
        if self._env is None:
            self._env = self.make(min(episodes, SIDE_BY_SIDE))
        model = cast(PPO, self.model)
        with torch.random.fork_rng(devices=[model.device] if model.device.type == "cuda" else []):
            torch.manual_seed(model.num_timesteps)
            model.policy.set_training_mode(False)
            played = play_episodes(self._env, policy_choice(model, greedy=False), episodes, seed=0)
        return summarise(played, sorted({name for episode in played for name in episode.milestones}))
