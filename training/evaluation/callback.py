"""Periodic evaluation during training, on held-out seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from envs.files import append_json_line, disk_may_refuse
from training.checkpoints.random_state import random_state, restore_random_state
from training.config.schema import TrainConfig
from training.evaluation.episode_statistics import MEANS, Summary, summarise
from training.evaluation.players import policy_choice
from training.evaluation.playing import CHOOSING, SIDE_BY_SIDE, Interrupted, play_episodes
from training.runs.folder import EVALUATIONS


@dataclass(frozen=True)
class EvalHooks:
    """What an EvalCallback asks of the session that it belongs to."""

    make: Callable[[int], VecEnv]
    """Makes this many environments at the plain start."""
    start: str
    """Name of that start."""
    on_best: Callable[[], object]
    """Called when an evaluation is the best so far."""
    won: Callable[[str], object]
    """Called with the reason when a score ends training."""
    stopping: Callable[[], bool]
    """Whether training is stopping."""


class EvalCallback(BaseCallback):
    """Play ``config.eval_episodes`` episodes every ``config.eval_every_steps`` steps (0: never) between
    updates.

    Records ``eval/mean_*``, adds a row to eval.jsonl, and calls ``on_best`` when the mean return is the
    highest since ``config.save_best_after`` updates, and ``won`` when it reaches ``config.score_to_win``.
    Training's games and random generators are not affected. The seeds are the same each time, so that
    evaluations of one run differ only by its policy. They differ from those of evaluate.py, so that
    checkpoints are not chosen and reported on the same games. Once ``stopping`` is true, an evaluation is
    abandoned and is due again when training resumes.
    """

    state_key = "evaluation"

    def __init__(self, config: TrainConfig, folder: Path, hooks: EvalHooks) -> None:
        super().__init__()
        self.config, self.folder, self.hooks = config, folder, hooks
        self.best: float | None = None
        self._env: VecEnv | None = None
        self._next: int | None = None

    def snapshot(self) -> dict[str, Any]:
        """Return the best mean return so far and the step count of the next evaluation."""
        return {"best": self.best, "next": self._next}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a ``snapshot``. Raises KeyError, TypeError or ValueError when it is damaged."""
        best, following = state["best"], state["next"]
        self.best = None if best is None else float(best)
        self._next = None if following is None else int(following)

    def _on_training_start(self) -> None:
        if self._next is None and self.config.eval_every_steps:
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
        steps = self.model.num_timesteps
        if (
            not self.config.eval_every_steps
            or self._next is None
            or steps < self._next
            or self.hooks.stopping()
        ):
            return
        try:
            summary = self._evaluate()
        except Interrupted:
            return
        self._next = steps + self.config.eval_every_steps
        for name in MEANS:
            self.logger.record(f"eval/mean_{name}", summary[f"{name}_mean"])
        self.logger.record("eval/success_rate", summary["success_rate"])
        self.logger.dump(steps)
        row = {
            "steps": steps,
            "policy": "stochastic",
            "while": "training",
            "start": self.hooks.start,
            **summary,
        }
        with disk_may_refuse(self.folder / EVALUATIONS):
            append_json_line(self.folder / EVALUATIONS, row)
        self._judge(summary["return_mean"])

    def _judge(self, score: float) -> None:
        best_counts = self.model.num_timesteps >= self.config.save_best_after * self.config.rollout_steps
        if best_counts and (self.best is None or score > self.best):
            self.best = score
            self.hooks.on_best()
        if self.config.score_to_win is not None and score >= self.config.score_to_win:
            self.hooks.won(
                f"score_to_win {self.config.score_to_win:g}: an evaluation's mean return was {score:g}"
            )

    def _evaluate(self) -> Summary:
        episodes = self.config.eval_episodes
        before = random_state()
        try:
            if self._env is None:
                self._env = self.hooks.make(min(episodes, SIDE_BY_SIDE))
            model = cast(PPO, self.model)
            torch.manual_seed(model.num_timesteps)
            model.policy.set_training_mode(False)
            choose = policy_choice(model, greedy=False)
            played = play_episodes(self._env, choose, episodes, CHOOSING, self.hooks.stopping)
        finally:
            restore_random_state(before)
        return summarise(played, sorted({name for episode in played for name in episode.milestones}))
