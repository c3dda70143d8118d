"""Environments from a config: one game, or many side by side in worker processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from envs.emulator import Emulator
from envs.errors import UserError
from envs.games import EMBEDDED_ROM, Game, identify
from envs.observations import Observations
from envs.red_env import EnvConfig, RedEnv
from envs.start_states import start_state
from rewards.stack import RewardStack
from training.config import TrainConfig

if TYPE_CHECKING:  # workers import this module, and have no use for torch
    from training.monitor import GroupVecMonitor


def game_of(config: TrainConfig) -> Game:
    """The game that the config plays. Raises UserError for an unreadable or unknown ROM."""
    return identify(config.rom) if config.rom is not None else identify(EMBEDDED_ROM)


def env_config(config: TrainConfig) -> EnvConfig:
    """How the config's episodes run; makes the start state when it is not there yet.

    Raises:
        UserError: the ROM, the start or the goal is wrong.
    """
    game = game_of(config)
    return EnvConfig(
        game=game,
        start=start_state(game, config.start),
        max_steps=config.max_steps,
        action_frames=config.action_frames,
        held_frames=config.held_frames,
        agent_stats_every=config.agent_stats_every,
        goal=config.goal,
    )


def make_env(
    config: TrainConfig, episodes: EnvConfig, window: str = "null", emulator: Emulator | None = None
) -> RedEnv:
    """One environment in this process; ``emulator`` (default: a new one) must have the game's cartridge."""
    return RedEnv(
        emulator or Emulator(episodes.game.rom, sound=config.sound, window=window),
        RewardStack(config.rewards, key_maps=episodes.game.progress_order),
        Observations(config.observations),
        episodes,
    )


def make_vec_env(
    config: TrainConfig, num_envs: int | None = None, *, use_graphics: bool = False
) -> GroupVecMonitor:
    """``num_envs`` (default: the config's) environments in ``config.workers`` processes (default: one a core).

    The ROM is checked and the start state made before any process starts. ``use_graphics`` shows the first
    environment in a window.

    Raises:
        UserError: the ROM, the start state or the goal is wrong, or there is no display for the window.
    """
    from envs.vec_env import EmulatorVecEnv
    from training.monitor import GroupVecMonitor

    if use_graphics:
        check_display()
    makers = env_makers(config, num_envs or config.num_envs, use_graphics=use_graphics)
    spaces = Observations(config.observations).space, RedEnv.actions()
    return GroupVecMonitor(
        EmulatorVecEnv(makers, config.workers, step_timeout=config.step_timeout, spaces=spaces)
    )


def env_makers(config: TrainConfig, count: int, *, use_graphics: bool = False) -> list[Callable[[], RedEnv]]:
    """What makes each of ``count`` environments, wherever it is called. Raises UserError."""
    episodes = env_config(config)
    windows = ["SDL2" if use_graphics and index == 0 else "null" for index in range(count)]
    return [partial(make_env, config, episodes, window) for window in windows]


def check_display() -> None:
    """Raise UserError when no window can be opened here."""
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    ):
        raise UserError("--use-graphics needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
