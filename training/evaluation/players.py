"""Players of an evaluation: a trained policy or random buttons."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from envs.game_boy.emulator import Emulator
from envs.observation_names import ACTION_MASK
from envs.ram import read_state
from envs.red_env import EnvConfig
from training.checkpoints.writing import Checkpoint, apply_weights
from training.config.schema import TrainConfig
from training.environments.task import Task
from training.environments.vectorized import task_vec_env
from training.evaluation.playing import FIRST_EVALUATION_SEED, Choose, PlayedEpisode, play_episodes
from training.ppo.build import build_model
from training.ppo.chunked_ppo import threads


def load_policy(config: TrainConfig, env: VecEnv, checkpoint: Checkpoint) -> PPO:
    """Load the checkpoint's weights into a model for acting. Raises UserError if it does not fit ``env``."""
    acting = config.model_copy(
        update={"n_steps": 2, "batch_size": 2}
    )  # a minimal rollout buffer to save memory
    model = build_model(acting, env, learns=False)
    apply_weights(checkpoint, model)
    model.policy.set_training_mode(False)
    return model


def open_milestones(config: EnvConfig) -> list[str]:
    """Return the names of the milestones that are not reached at the start state."""
    with Emulator(config.game.rom) as emulator:
        emulator.load_state(config.start.data)
        emulator.tick(1)
        state = read_state(emulator.memory)
    return [milestone.name for milestone in config.game.milestones if not milestone.reached(state)]


@dataclass(frozen=True)
class HeldOut:
    """How many held-out episodes to play: ``episodes`` on each of the seeds 0 to ``seeds`` - 1, in
    ``side_by_side`` environments, with sampled or ``greedy`` actions."""

    episodes: int
    seeds: int
    side_by_side: int
    greedy: bool = False


def play_held_out(
    task: Task,
    how: HeldOut,
    checkpoint: Checkpoint | None,
    config: TrainConfig | None = None,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> list[PlayedEpisode]:
    """Play on this machine with the policy of ``checkpoint``, or with random buttons if it is None.

    ``config`` (default: the task's) is the one that the policy was trained with. Raises UserError if the
    checkpoint does not fit, and Interrupted once ``stopped()``, which is asked before each step, is true.
    """
    env = task_vec_env(task.on_this_machine(), how.side_by_side)
    try:
        if checkpoint is None:
            choices: Callable[[int], Choose] = partial(random_choice, env)
        else:
            choices = seeded_policy(load_policy(config or task.config, env, checkpoint), how.greedy)
        return play_seeds(env, choices, how.episodes, range(how.seeds), stopped)
    finally:
        env.close()


def play_seeds(
    env: VecEnv,
    player: Callable[[int], Choose],
    episodes: int,
    seeds: Iterable[int],
    stopped: Callable[[], bool] = lambda: False,
) -> list[PlayedEpisode]:
    """Play ``episodes`` episodes on each of ``seeds`` with the actions of ``player(seed)``. Raises
    Interrupted."""
    with threads(1):  # leaves the cores to the emulators
        return [e for seed in seeds for e in play_episodes(env, player(seed), episodes, seed, stopped)]


def seeded_policy(model: PPO, greedy: bool) -> Callable[[int], Choose]:
    """Return a player for ``play_seeds``: the model's policy with seeded sampling."""

    def player(seed: int) -> Choose:
        torch.manual_seed(FIRST_EVALUATION_SEED + seed)
        return policy_choice(model, greedy)

    return player


def policy_choice(model: PPO, greedy: bool) -> Choose:
    """Return the model's choice: sampled from its policy, or the most likely action when ``greedy``.

    It remembers what a policy with memory remembers, from one call to the next.
    """

    state: tuple[NDArray[Any], ...] | None = None

    def choose(observations: dict[str, NDArray[np.uint8]], starts: NDArray[np.bool_]) -> NDArray[np.int64]:
        nonlocal state
        actions, state = model.predict(observations, state, starts, deterministic=greedy)
        return actions

    return choose


def random_choice(env: VecEnv, seed: int) -> Choose:
    """Return a choice of uniformly random actions, among those that a mask leaves."""
    generator = np.random.default_rng(FIRST_EVALUATION_SEED + seed)
    kinds = int(env.action_space.n)  # type: ignore[attr-defined]

    def choose(observations: dict[str, NDArray[np.uint8]], _: NDArray[np.bool_]) -> NDArray[np.int64]:
        if ACTION_MASK not in observations:
            return generator.integers(0, kinds, size=env.num_envs)
        ranked = generator.random((env.num_envs, kinds)) * observations[ACTION_MASK]
        best: NDArray[np.int64] = ranked.argmax(axis=1)
        return best

    return choose
