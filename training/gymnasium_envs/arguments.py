"""What both environments take as a config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.config.start_merging import EXCLUSIVE
from training.environments.task import Task, resolve_task

ConfigArgument = str | Path | Mapping[str, Any] | TrainConfig | None


def task_of(config: ConfigArgument, start: str | None, settings: Mapping[str, Any]) -> Task:
    """Return the task of a config file, a dict of settings or a TrainConfig, with ``settings`` replaced.

    Raises:
        UserError: the config, the ROM, the start or the goal is wrong; one line.
    """
    overrides = dict(settings) if start is None else {**settings, "start": start}
    if isinstance(config, TrainConfig):
        config = config.model_dump(mode="json")
    if isinstance(config, Mapping):
        replaced = EXCLUSIVE if overrides.keys() & set(EXCLUSIVE) else ()
        kept = {key: value for key, value in config.items() if key not in replaced}
        return resolve_task(load_config(None, {**kept, **overrides}))
    return resolve_task(load_config(config, overrides))
