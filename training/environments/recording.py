"""Recorded episodes and configs: the settings that a file stores, and the config restored from them."""

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
    """Make the recorder of environment number ``environment``; None if the config records no episodes."""
    every = task.config.record_every
    return EpisodeRecorder(folder, environment, about(task), every) if every else None


def about(task: Task) -> dict[str, Any]:
    """Return the part of the header that all episodes of a run share."""
    return {
        "game": task.game.name,
        "rom_sha1": task.game.sha1,
        "settings": episode_settings(task.config),
    }


def config_of(header: Header, rom: Path, start: Path, reward_terms: Mapping[str, float]) -> TrainConfig:
    """Return a config that plays an episode again, on the cartridge ``rom`` from the state file ``start``.

    ``reward_terms`` replaces the episode's custom reward terms, which are user code. Raises UserError for
    invalid settings.
    """
    unknown = sorted(header.settings.keys() - set(TrainConfig.keys_with(Role.EPISODE)))
    if unknown:
        raise UserError(f"{unknown[0]!a} is not a setting of an episode")
    plain = {"device": "cpu", "observations": ["badges"], "num_envs": 1}
    found = {"rom": str(rom), "game": header.game, "start": str(start), "reward_terms": dict(reward_terms)}
    return load_config(None, {**header.settings, **plain, **found})
