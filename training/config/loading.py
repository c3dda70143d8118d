"""From files, presets and flags to one TrainConfig.

Precedence: a flag beats the file, the file beats what it extends, that beats the preset size, that beats
the defaults.
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
from training.config.cluster import RayConfig
from training.config.error_lines import describe, show, where
from training.config.files import ConfigError, ConfigLayer, read_with_extends, unknown_name
from training.config.health import HealthConfig
from training.config.presets import PRESETS, preset_values
from training.config.reward_layers import LayersConfig
from training.config.reward_merging import merged_rewards
from training.config.schedules import KINDS
from training.config.schema import MAX_SEED, NetworkConfig, TrainConfig

__all__ = [
    "MAX_SEED",
    "ConfigError",
    "NetworkConfig",
    "TrainConfig",
    "load_config",
]

SECTIONS: dict[str, type[BaseModel]] = {
    "network": NetworkConfig,
    "health": HealthConfig,
    "ray": RayConfig,
    "layers": LayersConfig,
    **KINDS,
}


def load_config(
    path: str | Path | None, overrides: Mapping[str, Any] | None = None, base: Path | None = None
) -> TrainConfig:
    """The config in ``path`` (None: defaults alone), with ``overrides`` on top.

    ``base`` is another config to build on: it takes the place of what the agent's own files (from the one
    that names ``agent_id`` on) extend, or lies below everything where no file names one.

    ``overrides`` maps keys of TrainConfig to values; sections such as "rewards" and "network" are merged key
    by key, everything else is replaced. Below the "rewards" of a file that extends another lies what that
    one pays, the defaults where it names none; ``null`` removes a coefficient. Files of "reward_terms" and
    the ROM are found from the config's folder (from the working folder in ``overrides`` and POKEMON_RED_ROM),
    and their paths written out. Where nothing names a ROM, POKEMON_RED_ROM does, or it is "embedded".

    Raises:
        ConfigError: with one line that names every thing that is wrong.
    """
    layers = read_with_extends(Path(path)) if path is not None else []
    if base is not None:
        layers = read_with_extends(base) + _of_the_agent(layers)
    layers.append(ConfigLayer("", dict(overrides or {})))
    for layer in layers:
        _refuse_unknown_keys(layer)
    layers = [_with_rom_found(_with_terms_found(layer)) for layer in layers]
    merged = _merge(layers)
    preset = merged.get("preset")
    if preset is not None:
        if preset not in PRESETS:
            place = where(layers, "preset")
            raise ConfigError(f"{place} {show(preset)} must be one of {', '.join(PRESETS)}")
        merged = {**preset_values(preset, merged), **merged}
    config = _validate(merged, layers)
    # Written out, so that a run's own config goes on with the cartridge that the run began with.
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
    """The full path of a ROM that is named in ``folder``; "embedded" is none."""
    return rom if rom == EMBEDDED else str((folder / rom_path(rom)).resolve())


def _merge(layers: Iterable[ConfigLayer]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        for key, value in layer.values.items():
            below = merged.get(key)
            if key == "rewards" and isinstance(value, dict):
                merged[key] = merged_rewards(layer, below, extends=number > 0)
            elif isinstance(below, dict) and isinstance(value, dict) and "kind" not in value:
                merged[key] = {**below, **value}
            else:  # also an object with a kind, which is a schedule
                merged[key] = value
    return merged


def _validate(merged: dict[str, Any], layers: list[ConfigLayer]) -> TrainConfig:
    try:
        # By way of JSON: strict there still means that 5 is a float and a list is a tuple.
        text = json.dumps(merged)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the settings are not plain JSON values: {error}") from None
    try:
        return TrainConfig.model_validate_json(text)
    except ValidationError as error:
        lines = [describe(detail, layers, SECTIONS) for detail in error.errors(include_url=False)]
        raise ConfigError("; ".join(dict.fromkeys(lines))) from None
