"""The work of evaluate.py: a policy and a random player on the same seeds, compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from envs.emulator import Emulator
from envs.ram import read_state
from envs.red_env import EnvConfig
from training.checkpoints import Checkpoint, CheckpointError, apply_weights, read_checkpoint
from training.config import TrainConfig
from training.episodes import (
    MEANS,
    SIDE_BY_SIDE,
    Choose,
    Episode,
    play_episodes,
    policy_choice,
    random_choice,
    summarise,
)
from training.make_env import env_config, make_vec_env
from training.model import build_model, resolve_device
from training.plan import newest
from training.report import table
from training.runs import append_json_line


def run_checkpoint(run: Path, name: str | None) -> Checkpoint:
    """The run's newest checkpoint, or the one called ``name``. Raises UserError when there is none."""
    if name is None:
        return newest(run)
    folder = run / "checkpoints" / name
    if Path(name).name != name or not folder.is_dir():
        found = sorted(path.name for path in (run / "checkpoints").glob("[!.]*"))
        raise CheckpointError(f"run {run.name} has no checkpoint {name}; it has {', '.join(found) or 'none'}")
    return read_checkpoint(folder)


def load_policy(config: TrainConfig, env: VecEnv, checkpoint: Checkpoint) -> PPO:
    """A model with the checkpoint's weights that only acts. Raises UserError when it does not fit ``env``."""
    acting = config.model_copy(update={"n_steps": 2, "batch_size": 2})  # no rollout buffer worth its memory
    model = build_model(acting, env)
    apply_weights(checkpoint, model)
    model.policy.set_training_mode(False)
    return model


def open_milestones(config: EnvConfig) -> list[str]:
    """Names of the milestones that do not hold yet at the start state."""
    with Emulator(config.game.rom) as emulator:
        emulator.load_state(config.start.data)
        emulator.tick(1)
        state = read_state(emulator.memory)
    return [milestone.name for milestone in config.game.milestones if not milestone.reached(state)]


def evaluate(
    run: Path,
    config: TrainConfig,
    episodes: int,
    seeds: int,
    greedy: bool = False,
    checkpoint_name: str | None = None,
    num_envs: int | None = None,
) -> str:
    """Play ``episodes`` episodes of each of ``seeds`` seeds with both players; returns the table.

    Raises:
        UserError: the checkpoint, the ROM, the start state or the device is wrong.
    """
    resolve_device(config.device)
    checkpoint = run_checkpoint(run, checkpoint_name)
    episodes_from = env_config(config)
    names = open_milestones(episodes_from)
    env = make_vec_env(config, min(num_envs or SIDE_BY_SIDE, episodes))
    try:
        model = load_policy(config, env, checkpoint)
        torch.set_num_threads(1)
        trained = _play(env, lambda seed: _seeded_policy(model, greedy, seed), episodes, seeds)
        random = _play(env, lambda seed: random_choice(env, seed), episodes, seeds)
    finally:
        env.close()
    player, start = "greedy" if greedy else "stochastic", episodes_from.start.name
    rows = {player: summarise(trained, names), "random": summarise(random, names)}
    for policy, summary in rows.items():
        about = {"steps": checkpoint.steps, "policy": policy, "start": start, "seeds": seeds}
        append_json_line(run / "eval.jsonl", {**about, **summary})
    heading = f"{run.name}, {checkpoint.steps:,} steps, {player}, {len(trained)} episodes each from {start}"
    if config.fast_text:
        heading += ", fast text (an intervention)"
    return f"{heading}\n\n{evaluation_table(rows, names)}"


def _seeded_policy(model: PPO, greedy: bool, seed: int) -> Choose:
    torch.manual_seed(seed)
    return policy_choice(model, greedy)


def _play(env: VecEnv, player: Callable[[int], Choose], episodes: int, seeds: int) -> list[Episode]:
    played: list[Episode] = []
    for seed in range(seeds):
        played += play_episodes(env, player(seed), episodes, seed)
    return played


def evaluation_table(rows: dict[str, dict[str, Any]], names: Sequence[str]) -> str:
    """Means and milestones of each player side by side; milestones that nobody reached share a line."""
    lines = [["", *rows]]
    for mean in MEANS:
        cells = [f"{summary[f'{mean}_mean']:.2f} ± {summary[f'{mean}_std']:.2f}" for summary in rows.values()]
        lines.append([mean.replace("_", " "), *cells])
    reached = [name for name in names if any(s["milestones"][name]["reached"] for s in rows.values())]
    lines += [[name, *(_reach(summary["milestones"][name]) for summary in rows.values())] for name in reached]
    missed = ", ".join(name for name in names if name not in reached)
    return table(lines) + (f"\n  reached by neither: {missed}" if missed else "")


def _reach(milestone: dict[str, Any]) -> str:
    rate, low, high = (f"{100 * milestone[key]:.0f}" for key in ("rate", "low", "high"))
    median = milestone["median_actions"]
    after = "" if median is None else f", after {median:.0f}"
    return f"{rate} % ({low}-{high}){after}"
