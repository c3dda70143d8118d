"""Reads a config of another project, whichever it is, and checks what comes out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from envs.errors import UserError
from training.config.files import read_object, read_text
from training.config.loading import load_config
from training.config.strict_yaml import YAML_SUFFIXES
from training.foreign_configs import cleanrl, rl_games, sb3_zoo
from training.foreign_configs.translation import Translation

STRUCTURED = (*YAML_SUFFIXES, ".json")


def translated(path: Path, entry: str | None = None) -> Translation:
    """Translate the config in ``path``: YAML or JSON of rl_games or rl-baselines3-zoo, or flags of CleanRL.

    ``entry`` chooses one of a file of rl-baselines3-zoo. The settings were checked as those of a config.

    Raises:
        UserError: the file is of no known kind, or its settings are no config of ours; one line.
    """
    try:
        found = _translate(path, entry)
        load_config(None, found.settings)
    except UserError as error:
        text = str(error)
        raise UserError(text if text.startswith(str(path)) else f"{path}: {text}") from None
    found.settings["description"] = f"Translated from {path.name} ({found.source})"
    return found


def _translate(path: Path, entry: str | None) -> Translation:
    structured = path.suffix.lower() in STRUCTURED
    content = read_object(path) if structured else {}
    if entry is not None and (not structured or "params" in content):
        raise UserError(f"--entry {entry} has no effect: only files of rl-baselines3-zoo have entries")
    if not structured:
        return cleanrl.translate(read_text(path))
    if "params" in content:
        return rl_games.translate(content)
    return sb3_zoo.translate(sb3_zoo.entry_of(content, entry))


def as_json(found: Translation) -> str:
    """Return the settings as the text of a config."""
    settings: dict[str, Any] = {"description": found.settings["description"], **found.settings}
    return json.dumps(settings, indent=2) + "\n"
