"""Between a run's config and its recorded episodes: what a file keeps of the config, and the config it was
played with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envs.episodes.file_format import Header
from envs.episodes.recorder import EpisodeRecorder
from envs.errors import UserError
from training.config.loading import load_config
from training.config.roles import Role
from training.config.schema import TrainConfig, episode_settings
from training.environments.task import Task


def make_recorder(task: Task, folder: Path, environment: int) -> EpisodeRecorder | None:
    """The recorder of environment number ``environment``; None when the config wants no episodes kept."""
    every = task.config.record_every
    return EpisodeRecorder(folder, environment, about(task), every) if every else None


def about(task: Task) -> dict[str, Any]:
    """The part of a header that is the same for all episodes of a run."""
    return {
        "game": task.game.name,
        "rom_sha1": task.game.sha1,
        "settings": episode_settings(task.config),
    }


def config_of(header: Header, rom: Path, start: Path, reward_terms: Mapping[str, float]) -> TrainConfig:
    """The config that an episode was played with, as far as it matters to the episode, on the cartridge at
    ``rom`` and from the state in the file ``start``. Raises UserError for settings that no config can have.

    Its own terms of the reward are code of the user's: ``reward_terms`` takes their place.
    """
    unknown = sorted(header.settings.keys() - set(TrainConfig.keys_with(Role.EPISODE)))
    if unknown:
        raise UserError(f"{unknown[0]!a} is no setting that decides an episode")
    plain = {"device": "cpu", "observations": ["badges"], "num_envs": 1}
    found = {"rom": str(rom), "game": header.game, "start": str(start), "reward_terms": dict(reward_terms)}
    return load_config(None, {**header.settings, **plain, **found})
