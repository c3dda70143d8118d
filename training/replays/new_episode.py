"""An episode played by a trained policy, recorded like those of training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from envs.episodes.file_format import SUFFIX, file_name
from training.config.loading import load_config
from training.environments.local import make_env
from training.environments.recording import make_recorder
from training.environments.task import resolve_task
from training.evaluation.players import load_policy, policy_choice
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


def play_new_episode(run: Path, folder: Path, wanted: NewEpisode) -> Path:
    """Play an episode with the run's policy. Returns its file in ``folder``.

    Raises UserError if the checkpoint, the cartridge or the start state is wrong.
    """
    given = {"rom": wanted.rom and str(wanted.rom), "start": wanted.start, "max_steps": wanted.actions}
    overrides = {key: value for key, value in given.items() if value is not None}
    config = load_config(run / "config.json", {**overrides, "device": "cpu", "record_every": 1})
    found = run_checkpoint(run, wanted.checkpoint)
    task = resolve_task(config).at_first_start()
    recorder = make_recorder(task, folder, environment=0)
    env = DummyVecEnv([lambda: make_env(task, recorder=recorder)])
    try:
        choose = policy_choice(load_policy(config, env, found), wanted.greedy)
        torch.manual_seed(wanted.seed)
        env.seed(FIRST_EVALUATION_SEED + wanted.seed * SEEDS_APART)
        observations, dones = env.reset(), np.ones(1, np.bool_)
        while True:
            observations, _, dones, _ = env.step(choose(observations, dones))  # type: ignore[arg-type]
            if dones[0]:
                break
    finally:
        env.close()
    return (folder / file_name(0, 0)).rename(folder / f"new{SUFFIX}")
