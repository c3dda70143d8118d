"""Where a config's episodes begin, on top of what it extends: "start" and "starts" exclude each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.config.error_lines import show
from training.config.files import ConfigError, ConfigLayer

EXCLUSIVE = {"start": "starts", "starts": "start"}
"""Each of the two settings, and the one that it replaces."""


def refuse_two_kinds_of_start(layer: ConfigLayer) -> None:
    """Raise ConfigError when one layer gives both; null counts as not given."""
    if all(layer.values.get(key) is not None for key in EXCLUSIVE):
        raise ConfigError(
            f"{layer.where('starts')} and {layer.name('start')} {show(layer.values['start'])} cannot be given"
            " together: leave one of them out"
        )


def with_start(merged: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return ``merged`` with the setting ``key`` of a higher layer, which replaces both settings below it."""
    below = {name: found for name, found in merged.items() if value is None or name != EXCLUSIVE[key]}
    return {**below, key: value}
