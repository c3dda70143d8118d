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

from envs.game_boy.rom import EMBEDDED, ROM_VARIABLE
from envs.installation import shipped_config
from envs.paths import expanded
from training.config.algorithms import as_ppo, refuse_off_policy
from training.config.discounts import DISCOUNT_KINDS
from training.config.error_lines import describe, show, where
from training.config.files import (
    ConfigError,
    ConfigLayer,
    read_with_extends,
    refuse_other_kind,
    unknown_name,
)
from training.config.paths import full_rom, with_full_paths
from training.config.presets import PRESETS, preset_values
from training.config.reward_merging import merged_rewards
from training.config.schema import MAX_SEED, TrainConfig
from training.config.sections.archive import ArchiveConfig
from training.config.sections.cluster import RayConfig
from training.config.sections.health import HealthConfig
from training.config.sections.imitation import InitConfig
from training.config.sections.intrinsic import INTRINSIC_KINDS
from training.config.sections.mask import MaskConfig
from training.config.sections.network import NetworkConfig
from training.config.sections.policy import POLICY_KINDS
from training.config.sections.reverse_model import ReverseModelConfig
from training.config.sections.reward_layers import LayersConfig
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
    "init": InitConfig,
    "mask": MaskConfig,
    "network": NetworkConfig,
    "reverse_model": ReverseModelConfig,
    "health": HealthConfig,
    "ray": RayConfig,
    "layers": LayersConfig,
    **DISCOUNT_KINDS,
    **INTRINSIC_KINDS,
    **POLICY_KINDS,
}


def load_config(
    path: str | Path | None,
    overrides: Mapping[str, Any] | None = None,
    base: Path | None = None,
    *,
    draft: bool = False,
) -> TrainConfig:
    """Load the config in ``path`` (None: the defaults), with ``overrides`` on top.

    ``base`` is another config to build on. It replaces what the agent's own files extend (these start at the
    first file that sets ``agent_id``), or lies below all files when none sets it. A ``draft`` may have a
    batch_size of 1, which PPO cannot learn with. A path such as configs/smoke.json that the working directory
    does not have names a config that ships.

    ``overrides`` maps keys of TrainConfig to values. Sections such as "rewards" and "network" are merged key
    by key, everything else is replaced. In a file that extends another, "rewards" adds to what that one pays
    (the defaults if it names none), and ``null`` removes a coefficient. "start" and "starts" replace both of
    lower layers; one layer cannot give both. Paths of the ROM, start states and files of "reward_terms",
    "intrinsic", "policy", "observations" and "init" are relative to the config's folder (to the working
    directory in ``overrides`` and POKEMON_RED_ROM) and are made absolute. A ROM that is not set comes from
    POKEMON_RED_ROM, and is "embedded" otherwise.

    Raises:
        ConfigError: with one line that names everything that is wrong.
    """
    layers = read_with_extends(shipped_config(expanded(path, "config"))) if path is not None else []
    if base is not None:
        layers = read_with_extends(shipped_config(base)) + _of_the_agent(layers)
    return config_of([*layers, ConfigLayer("", dict(overrides or {}))], draft=draft)


def config_of(layers: list[ConfigLayer], *, draft: bool = False) -> TrainConfig:
    """Return the config of ``layers``, lowest precedence first, merged as ``load_config`` describes.

    A layer's label names it in messages, and the label's folder is what its paths are relative to. Raises
    ConfigError.
    """
    for layer in layers:
        refuse_off_policy(layer)
        _refuse_unknown_keys(layer)
        refuse_two_kinds_of_start(layer)
    layers = [with_full_paths(layer) for layer in layers]
    merged = as_ppo(_merge(layers), layers)
    preset = merged.get("preset")
    if preset is not None:
        if preset not in PRESETS:
            place = where(layers, "preset")
            raise ConfigError(f"{place} {show(preset)} must be one of {', '.join(PRESETS)}")
        merged = {**preset_values(preset, merged), **merged}
    config = _validate(merged, layers)
    if config.batch_size == 1 and config.normalize_advantage == "minibatch" and not draft:
        raise ConfigError(
            f"{where(layers, 'batch_size')} 1 is too small: PPO normalizes advantages over a minibatch, so it"
            " must be at least 2, or normalize_advantage batch or off"
        )
    # Stored, so that a resumed run uses the cartridge it started with.
    rom = config.rom or full_rom(Path(), os.environ.get(ROM_VARIABLE) or EMBEDDED)
    return config.model_copy(update={"rom": rom})


def _of_the_agent(layers: list[ConfigLayer]) -> list[ConfigLayer]:
    first = next((number for number, layer in enumerate(layers) if "agent_id" in layer.values), 0)
    return layers[first:]


def _refuse_unknown_keys(layer: ConfigLayer) -> None:
    for key, kind in (("stages", "curriculum"), ("space", "search space"), ("methods", "board")):
        if layer.label and key in layer.values:
            refuse_other_kind(layer.label, "config of a run", kind)
    for key in layer.values:
        if key not in TrainConfig.model_fields:
            holder = f"a key of {layer.label}" if layer.label else "a setting"
            raise ConfigError(unknown_name(key, [*TrainConfig.model_fields, "extends"], holder))


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
