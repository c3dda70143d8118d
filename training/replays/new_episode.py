"""An episode played by a trained policy, recorded like those of training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from envs.episodes.file_format import SUFFIX, file_name
from envs.red_env import RedEnv
from training.cli.progress import Progress
from training.config.loading import load_config
from training.environments.local import make_env
from training.environments.recording import make_recorder
from training.environments.task import resolve_task
from training.evaluation.insight import ThinkingPlayer, Thoughts
from training.evaluation.players import load_policy
from training.evaluation.playing import FIRST_EVALUATION_SEED, SEEDS_APART
from training.runs.lookup import run_checkpoint


@dataclass(frozen=True, slots=True)
class NewEpisode:
    """An episode to play: at most ``actions`` actions from ``start`` on ``rom``, ``greedy`` or sampled.

    None stands for the run's own limit, (first) start and ROM, and for the newest ``checkpoint``.
    """

    actions: int | None = None
    seed: int = 0
    greedy: bool = False
    checkpoint: str | None = None
    rom: Path | None = None
    start: str | None = None


def play_new_episode(run: Path, folder: Path, wanted: NewEpisode) -> tuple[Path, Thoughts]:
    """Play an episode with the run's policy. Returns its file in ``folder``, and what the policy thought.

    Raises UserError if the checkpoint, the cartridge or the start state is wrong.
    """
    given = {"rom": wanted.rom and str(wanted.rom), "start": wanted.start, "max_steps": wanted.actions}
    overrides = {key: value for key, value in given.items() if value is not None}
    config = load_config(run / "config.json", {**overrides, "device": "cpu", "record_every": 1})
    found = run_checkpoint(run, wanted.checkpoint)
    task = resolve_task(config).at_first_start()
    env = make_env(task, recorder=make_recorder(task, folder, environment=0))
    try:
        player = ThinkingPlayer(load_policy(config, DummyVecEnv([lambda: env]), found), wanted.greedy)
        torch.manual_seed(wanted.seed)
        thoughts = _play(env, player, FIRST_EVALUATION_SEED + wanted.seed * SEEDS_APART)
    finally:
        env.close()
    return (folder / file_name(0, 0)).rename(folder / f"new{SUFFIX}"), thoughts


def _play(env: RedEnv, player: ThinkingPlayer, seed: int) -> Thoughts:
    """Play an episode to its end."""
    observation, thoughts, begins, ended = env.reset(seed=seed)[0], Thoughts(), True, False
    with Progress("playing", env.config.max_steps, "step") as progress:
        while not ended:
            thought = player.think(observation, begins)
            thoughts.add(thought)
            observation, _, terminated, truncated, _ = env.step(thought.action)
            begins, ended = False, terminated or truncated
            progress.step()
    return thoughts
