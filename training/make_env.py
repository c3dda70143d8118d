"""Environments from a config: one game, or many side by side in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecMonitor

# What every environment process needs; the fork server imports it once and the processes share the memory.
PRELOADED = ["stable_baselines3.common.vec_env.subproc_vec_env", "envs.red_env", "rewards.stack"]


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


def _make_in_process(config: TrainConfig, episodes: EnvConfig, window: str) -> RedEnv:
    """What an environment process runs. Ctrl-C is for the training process alone."""
    if multiprocessing.parent_process() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(1)
    return make_env(config, episodes, window)


def make_vec_env(
    config: TrainConfig, num_envs: int | None = None, *, use_graphics: bool = False
) -> VecMonitor:
    """``num_envs`` (default: the config's) environments: in a process each, or in this one when workers is 1.

    The ROM is checked and the start state made before any process starts. ``use_graphics`` shows the first
    environment in a window.

    Raises:
        UserError: the ROM, the start state or the goal is wrong, or there is no display for the window.
    """
    from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecMonitor

    if use_graphics:
        check_display()
    episodes = env_config(config)
    count = num_envs or config.num_envs
    windows = ["SDL2" if use_graphics and index == 0 else "null" for index in range(count)]
    makers = [partial(_make_in_process, config, episodes, window) for window in windows]
    env: VecEnv
    if count == 1 or config.workers == 1:
        env = DummyVecEnv(makers)  # type: ignore[arg-type]
    else:
        multiprocessing.set_forkserver_preload(PRELOADED)
        with _single_threaded_children():
            env = SubprocVecEnv(makers)  # type: ignore[arg-type]
    return VecMonitor(env)


def check_display() -> None:
    """Raise UserError when no window can be opened here."""
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    ):
        raise UserError("--use-graphics needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")


@contextmanager
def _single_threaded_children() -> Iterator[None]:
    """Numeric libraries of processes started inside take one thread: each environment is one busy core."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
