"""Environments of a task on this machine, in this process or in workers."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from envs.episodes.recorder import EpisodeRecorder
from envs.errors import UserError
from envs.game.catalog import Game
from envs.game.goals import goal_of
from envs.game_boy.emulator import Emulator
from envs.game_boy.keyboard import require_windows
from envs.observations import Observations
from envs.red_env import RedEnv
from rewards.custom_terms import load_custom_terms
from rewards.stack import RewardStack
from training.config.schema import TrainConfig
from training.environments.recording import make_recorder
from training.environments.task import Task


def reward_of(config: TrainConfig, game: Game) -> RewardStack:
    """Return the config's reward, with the initial weights of its layers. Raises UserError."""
    return RewardStack(
        config.rewards,
        config.layers.at(0, 1),
        game.progress_order,
        load_custom_terms(config.reward_terms),
        [milestone.reached for milestone in goal_of(game, config.goal)],
    )


def observations_of(config: TrainConfig) -> Observations:
    """Return the config's observations. Raises UserError."""
    return Observations(config.observations, config.frames, config.screen_size)


def make_env(
    task: Task,
    window: str = "null",
    emulator: Emulator | None = None,
    recorder: EpisodeRecorder | None = None,
) -> RedEnv:
    """Make an environment in this process. ``emulator`` (default: new) must have the game's cartridge."""
    return RedEnv(
        emulator or Emulator(task.game.rom, sound=task.config.sound, window=window),
        reward_of(task.config, task.game),
        observations_of(task.config),
        task.episodes,
        recorder,
    )


def env_makers(
    task: Task, count: int, *, use_graphics: bool = False, record: Path | None = None
) -> list[Callable[[], RedEnv]]:
    """Return picklable functions that make ``count`` environments. Raises UserError."""
    own = [name for name in task.config.observations if ":" in name]
    if task.config.reward_terms or own:  # user code: find its mistakes before any process starts
        with contextlib.closing(make_env(task)) as env:
            env.reset(seed=task.config.seed)
            env.step(0)
            env.snapshot()
    windows = ["SDL2" if use_graphics and index == 0 else "null" for index in range(count)]
    folder = record and record.absolute()
    recorders = [make_recorder(task, folder, index) if folder else None for index in range(count)]
    return [
        partial(make_env, task, window, recorder=recorder)
        for window, recorder in zip(windows, recorders, strict=True)
    ]


def check_display(flag: str = "--use-graphics") -> None:
    """Raise UserError, naming ``flag``, if no window can be opened."""
    require_windows()
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    ):
        raise UserError(f"{flag} needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
