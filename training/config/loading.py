"""Loads a TrainConfig from files, presets and flags.

Precedence, highest first: flags, the file, the files it extends, the preset, the defaults.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from envs.errors import UserError
from envs.game_boy.rom import EMBEDDED, ROM_VARIABLE, rom_path
from training.config.archive import ArchiveConfig
from training.config.cluster import RayConfig
from training.config.error_lines import describe, show, where
from training.config.files import ConfigError, ConfigLayer, read_with_extends, unknown_name
from training.config.health import HealthConfig
from training.config.presets import PRESETS, preset_values
from training.config.reward_layers import LayersConfig
from training.config.reward_merging import merged_rewards
from training.config.schedules import KINDS
from training.config.schema import MAX_SEED, NetworkConfig, TrainConfig
from training.config.start_merging import EXCLUSIVE, refuse_two_kinds_of_start, with_start

__all__ = [
    "MAX_SEED",
    "ConfigError",
    "NetworkConfig",
    "TrainConfig",
    "load_config",
]

SECTIONS: dict[str, type[BaseModel]] = {
    "archive": ArchiveConfig,
    "network": NetworkConfig,
    "health": HealthConfig,
    "ray": RayConfig,
    "layers": LayersConfig,
    **KINDS,
}


def load_config(
    path: str | Path | None, overrides: Mapping[str, Any] | None = None, base: Path | None = None
) -> TrainConfig:
    """Load the config in ``path`` (None: the defaults), with ``overrides`` on top.

    ``base`` is another config to build on. It replaces what the agent's own files extend (these start at the
    first file that sets ``agent_id``), or lies below all files when none sets it.

    ``overrides`` maps keys of TrainConfig to values. Sections such as "rewards" and "network" are merged key
    by key, everything else is replaced. In a file that extends another, "rewards" adds to what that one pays
    (the defaults if it names none), and ``null`` removes a coefficient. "start" and "starts" replace both of
    lower layers; one layer cannot give both. Paths in "reward_terms" and of the
    ROM are relative to the config's folder (to the working folder in ``overrides`` and POKEMON_RED_ROM) and
    are made absolute. A ROM that is not set comes from POKEMON_RED_ROM, and is "embedded" otherwise.

    Raises:
        ConfigError: with one line that names everything that is wrong.
    """
    layers = read_with_extends(Path(path)) if path is not None else []
    if base is not None:
        layers = read_with_extends(base) + _of_the_agent(layers)
    layers.append(ConfigLayer("", dict(overrides or {})))
    for layer in layers:
        _refuse_unknown_keys(layer)
        refuse_two_kinds_of_start(layer)
    layers = [_with_rom_found(_with_terms_found(layer)) for layer in layers]
    merged = _merge(layers)
    preset = merged.get("preset")
    if preset is not None:
        if preset not in PRESETS:
            place = where(layers, "preset")
            raise ConfigError(f"{place} {show(preset)} must be one of {', '.join(PRESETS)}")
        merged = {**preset_values(preset, merged), **merged}
    config = _validate(merged, layers)
    # Stored, so that a resumed run uses the cartridge it started with.
    rom = config.rom or _found_from(Path(), os.environ.get(ROM_VARIABLE) or EMBEDDED)
    return config.model_copy(update={"rom": rom})


def _of_the_agent(layers: list[ConfigLayer]) -> list[ConfigLayer]:
    first = next((number for number, layer in enumerate(layers) if "agent_id" in layer.values), 0)
    return layers[first:]


def _refuse_unknown_keys(layer: ConfigLayer) -> None:
    for key in layer.values:
        if key not in TrainConfig.model_fields:
            holder = f"a key of {layer.label}" if layer.label else "a setting"
            raise ConfigError(unknown_name(key, [*TrainConfig.model_fields, "extends"], holder))


def _with_terms_found(layer: ConfigLayer) -> ConfigLayer:
    terms = layer.values.get("reward_terms")
    if not isinstance(terms, dict):
        return layer
    from rewards.custom_terms import resolve_terms

    try:
        found = resolve_terms(terms, Path(layer.label).parent)
    except UserError as error:
        raise ConfigError(f"{layer.where('reward_terms')}: {error}") from None
    return ConfigLayer(layer.label, {**layer.values, "reward_terms": found})


def _with_rom_found(layer: ConfigLayer) -> ConfigLayer:
    rom = layer.values.get("rom")
    if not isinstance(rom, str) or not rom:
        return layer
    folder = Path(layer.label).parent if layer.label else Path()
    try:
        return ConfigLayer(layer.label, {**layer.values, "rom": _found_from(folder, rom)})
    except (ValueError, RuntimeError) as error:  # a UserError, a zero byte, links in a circle
        raise ConfigError(f"{layer.where('rom')}: {error}") from None


def _found_from(folder: Path, rom: str) -> str:
    """Return the full path of a ROM named in a config in ``folder``; "embedded" is returned unchanged."""
    return rom if rom == EMBEDDED else str((folder / rom_path(rom)).resolve())


def _merge(layers: Iterable[ConfigLayer]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        for key, value in layer.values.items():
            below = merged.get(key)
            if key == "rewards" and isinstance(value, dict):
                merged[key] = merged_rewards(layer, below, extends=number > 0)
            elif key in EXCLUSIVE:
                merged = with_start(merged, key, value)
            elif isinstance(below, dict) and isinstance(value, dict) and "kind" not in value:
                merged[key] = {**below, **value}
            else:  # an object with a kind is a schedule and is replaced too
                merged[key] = value
    return merged


def _validate(merged: dict[str, Any], layers: list[ConfigLayer]) -> TrainConfig:
    try:
        # Via JSON: strict mode there still accepts 5 as a float and a list as a tuple.
        text = json.dumps(merged)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the settings are not plain JSON values: {error}") from None
    try:
        return TrainConfig.model_validate_json(text)
    except ValidationError as error:
        lines = [describe(detail, layers, SECTIONS) for detail in error.errors(include_url=False)]
        raise ConfigError("; ".join(dict.fromkeys(lines))) from None
