"""The origin of a run's config, stored in its manifest, since files may change after the run began."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from envs.installation import shipped_config
from training.config.files import ConfigError, read_with_extends
from training.config.loading import load_config
from training.config.schema import TrainConfig


def config_source(path: Path | None, config: TrainConfig) -> dict[str, Any]:
    """Return the config file (full path or None), its base, and the differences of ``config`` from the base.

    For a run of a sweep the file is the variant's, not the resolved one that the sweep passes on. The base is
    the file that ``path`` extends, or the defaults if there is none or it is not a complete config.
    """
    path = Path(config.sweep_config) if config.sweep_config is not None else path
    path = path and shipped_config(path)
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
