"""Where a run's config came from, kept in its manifest: files may change or go after the run began."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.config.files import ConfigError, read_with_extends
from training.config.loading import load_config
from training.config.schema import TrainConfig


def config_source(path: Path | None, config: TrainConfig) -> dict[str, Any]:
    """The config file (full path; None when there was none), what it builds on, and where ``config`` differs.

    Of a run of a sweep it is the variant's file, not the resolved one that the sweep hands on.
    The base is the file that ``path`` extends; where it extends none, or that file is no whole config by
    itself, it is the defaults.
    """
    path = Path(config.sweep_config) if config.sweep_config is not None else path
    layers = read_with_extends(path) if path is not None else []
    base = Path(layers[-2].label) if len(layers) > 1 else None
    try:
        below = load_config(base)
    except ConfigError:
        base, below = None, load_config(None)
    return {
        "file": str(path.resolve()) if path is not None else None,
        "base": str(base.resolve()) if base is not None else "defaults",
        "differences": config.differences(below),
    }
