"""Environments from a config: one game, or many side by side in worker processes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from envs.episodes.recorder import EpisodeRecorder
from envs.errors import UserError
from envs.game.catalog import Game, chosen_rom, identify
from envs.game.interventions import HELPS
from envs.game_boy.emulator import Emulator
from envs.observations import Observations
from envs.red_env import EnvConfig, RedEnv
from envs.start_library import start_state
from envs.start_states.state_files import StartState
from rewards.own_terms import own_terms
from rewards.stack import RewardStack
from training.config.schema import TrainConfig
from training.environments.recording import make_recorder

if TYPE_CHECKING:  # workers import this module, and have no use for torch
    from training.environments.monitor import ClusterMonitor, GroupVecMonitor


def game_of(config: TrainConfig) -> Game:
    """The game that the config plays. Raises UserError for an unreadable or unknown ROM."""
    return identify(chosen_rom(config.rom), config.game)


def env_config(config: TrainConfig) -> EnvConfig:
    """How the config's episodes run; makes the start state when it is not there yet.

    Raises:
        UserError: the ROM, the start or the goal is wrong.
    """
    game = game_of(config)
    return episodes_of(config, game, start_state(game, config.start or game.default_start))


def episodes_of(config: TrainConfig, game: Game, start: StartState) -> EnvConfig:
    """How the config's episodes run on ``game`` from ``start``. Raises UserError for a wrong goal."""
    return EnvConfig(
        game=game,
        start=start,
        max_steps=config.max_steps,
        action_frames=config.action_frames,
        held_frames=config.held_frames,
        agent_stats_every=config.agent_stats_every,
        goal=config.goal,
        fast_text=config.fast_text,
        repel=config.repel,
    )


def played(config: TrainConfig) -> dict[str, object]:
    """What a run's manifest says of its game: the ROM by its hash alone, the start state and its story."""
    episodes = env_config(config)
    game, start = episodes.game, episodes.start
    return {
        "game": game.name,
        "game_known_by": "--game" if game.assumed else "SHA-1",
        "rom_title": game.title,
        "rom_sha1": game.sha1,
        "start": {"name": start.name, **start.provenance},
        "interventions": interventions_of(config),
    }


def interventions_of(config: TrainConfig) -> list[str]:
    """The kinds of writes to memory that the config switches on."""
    return [name for name in HELPS if getattr(config, name)]


def told_start(config: TrainConfig) -> str:
    """Where the config's episodes begin, and whether a script played to there, which is a help too."""
    episodes = env_config(config)
    name = episodes.start.name
    return f"{name} (scripted)" if name in episodes.game.start_names else name


def reward_of(config: TrainConfig, game: Game) -> RewardStack:
    """What the config pays, with the weights that its layers begin with. Raises UserError."""
    return RewardStack(
        config.rewards, config.layers.at(0, 1), game.progress_order, own_terms(config.reward_terms)
    )


def make_env(
    config: TrainConfig,
    episodes: EnvConfig,
    window: str = "null",
    emulator: Emulator | None = None,
    recorder: EpisodeRecorder | None = None,
) -> RedEnv:
    """One environment in this process; ``emulator`` (default: a new one) must have the game's cartridge."""
    return RedEnv(
        emulator or Emulator(episodes.game.rom, sound=config.sound, window=window),
        reward_of(config, episodes.game),
        Observations(config.observations),
        episodes,
        recorder,
    )


def make_vec_env(
    config: TrainConfig,
    num_envs: int | None = None,
    *,
    use_graphics: bool = False,
    record: Path | None = None,
) -> GroupVecMonitor:
    """``num_envs`` (default: the config's) games in ``config.workers`` processes (default: one per core),
    or on the Ray cluster at ``config.ray_address``.

    The ROM is checked and the start state made before any process starts. ``use_graphics`` shows the first
    environment in a window; ``record`` is the folder that episodes are kept in (default: none).

    Raises:
        UserError: the ROM, the start state or the goal is wrong, there is no display for the window, or no
            cluster with room and the same cartridge.
    """
    if config.ray_address is not None:
        return _on_a_cluster(config, config.ray_address, num_envs or config.num_envs, record)
    from envs.vec_env import EmulatorVecEnv
    from training.environments.monitor import GroupVecMonitor

    if use_graphics:
        check_display()
    count = num_envs or config.num_envs
    makers = env_makers(config, count, use_graphics=use_graphics, record=record)
    spaces = Observations(config.observations).space, RedEnv.actions()
    emulators = EmulatorVecEnv(makers, config.workers, step_timeout=config.step_timeout, spaces=spaces)
    return GroupVecMonitor(emulators)


def _on_a_cluster(config: TrainConfig, address: str, count: int, record: Path | None) -> ClusterMonitor:
    from envs.cluster.actor import Terms
    from envs.cluster.actor_handle import Patience
    from envs.cluster.ray_vec_env import RayVecEnv
    from envs.episodes.receiver import EpisodeShelf
    from training.environments.monitor import ClusterMonitor
    from training.environments.remote import RemoteMakers

    game, start = (episodes := env_config(config)).game, episodes.start
    env_makers(config, 1)  # here, so that mistakes are found before any actor starts
    ray, space = config.ray, Observations(config.observations).space
    makers = RemoteMakers.of(config, game, start, record is not None)
    terms = Terms(makers, space, ray.processors, config.step_timeout, ray.compress)
    patience = Patience(ray.answer_timeout, ray.start_timeout, ray.lost_timeout, ray.retry_every)
    shelf = EpisodeShelf(record.absolute(), start, game.sha1, count) if record is not None else None
    return ClusterMonitor(
        RayVecEnv(address, terms, RedEnv.actions(), count, config.envs_per_actor, patience, shelf)
    )


def here(config: TrainConfig) -> TrainConfig:
    """The config with its games on this machine: what plays a few episodes needs no cluster."""
    return config.model_copy(update={"ray_address": None})


def env_makers(
    config: TrainConfig, count: int, *, use_graphics: bool = False, record: Path | None = None
) -> list[Callable[[], RedEnv]]:
    """What makes each of ``count`` environments, wherever it is called. Raises UserError."""
    episodes = env_config(config)
    if config.reward_terms:  # the user's own code: here its mistakes are found before any process starts
        with contextlib.closing(make_env(config, episodes)) as env:
            env.reset(seed=config.seed)
            env.step(0)
            env.snapshot()
    windows = ["SDL2" if use_graphics and index == 0 else "null" for index in range(count)]
    folder = record and record.absolute()
    recorders = [
        make_recorder(config, episodes.game, folder, index) if folder else None for index in range(count)
    ]
    return [
        partial(make_env, config, episodes, window, recorder=recorder)
        for window, recorder in zip(windows, recorders, strict=True)
    ]


def check_display(flag: str = "--use-graphics") -> None:
    """Raise UserError when no window can be opened here; ``flag`` is what asked for one."""
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    ):
        raise UserError(f"{flag} needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set")
