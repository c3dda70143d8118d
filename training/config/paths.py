"""Paths in configs. They are made absolute when a config is loaded, so that a run can go on from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from envs.errors import UserError
from envs.game_boy.rom import EMBEDDED
from envs.paths import full_path, is_file, looks_like_path
from envs.user_classes import resolve_spec
from training.config.files import ConfigError, ConfigLayer
from training.config.sections.intrinsic import is_own
from training.config.sections.policy import is_own_policy


def with_full_paths(layer: ConfigLayer) -> ConfigLayer:
    """Return ``layer`` with absolute paths of ROM, start states and files with the user's classes.

    Relative paths count from the config's folder, or from the working directory in flags. Raises ConfigError.
    """
    folder = Path(layer.label).parent if layer.label else Path()
    values = dict(layer.values)
    for key, find in FINDERS.items():
        if not values.get(key):
            continue
        try:
            values[key] = find(folder, values[key])
        except UserError as error:
            raise ConfigError(f"{layer.where(key)}: {error}") from None
    return ConfigLayer(layer.label, values)


def full_rom(folder: Path, rom: Any) -> Any:
    """Return the full path of a ROM that is named in ``folder``; "embedded" is returned unchanged."""
    if not isinstance(rom, str) or rom == EMBEDDED:
        return rom
    return str(full_path(rom, folder, "ROM"))


def full_start(folder: Path, start: Any) -> Any:
    """Return the full path of a state file that is named in ``folder``; a name is returned unchanged."""
    from envs.game.catalog import START_NAMES  # with the emulator, which --help does without

    if not isinstance(start, str) or start in START_NAMES:
        return start
    if looks_like_path(start) or is_file(folder / start):
        return str(full_path(start, folder, "start"))
    return start


def _full_starts(folder: Path, starts: Any) -> Any:
    if not isinstance(starts, Mapping):
        return starts
    return {full_start(folder, start): weight for start, weight in starts.items()}


def _full_terms(folder: Path, terms: Any) -> Any:
    from rewards.custom_terms import resolve_terms

    return resolve_terms(terms, folder) if isinstance(terms, Mapping) else terms


def _full_intrinsic(folder: Path, section: Any) -> Any:
    section = _full_demonstrations(folder, section)
    if not isinstance(section, Mapping) or not is_own(section.get("kind")):
        return section
    return {**section, "kind": resolve_spec(section["kind"], folder, "intrinsic")}


def _full_policy(folder: Path, section: Any) -> Any:
    if not isinstance(section, Mapping) or not is_own_policy(section.get("kind")):
        return section
    return {**section, "kind": resolve_spec(section["kind"], folder, "policy")}


def _full_observations(folder: Path, names: Any) -> Any:
    if not isinstance(names, list | tuple):
        return names
    return [
        resolve_spec(name, folder, "observation") if isinstance(name, str) and ":" in name else name
        for name in names
    ]


def _full_demonstrations(folder: Path, section: Any) -> Any:
    if not isinstance(section, Mapping) or not isinstance(section.get("demonstrations"), str):
        return section
    if not section["demonstrations"]:  # refused by the schema
        return section
    return {**section, "demonstrations": str(full_path(section["demonstrations"], folder, "demonstrations"))}


FINDERS: dict[str, Callable[[Path, Any], Any]] = {
    "rom": full_rom,
    "start": full_start,
    "starts": _full_starts,
    "reward_terms": _full_terms,
    "intrinsic": _full_intrinsic,
    "policy": _full_policy,
    "observations": _full_observations,
    "init": _full_demonstrations,
}
"""The settings that hold paths."""
