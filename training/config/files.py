"""Reads JSON and YAML config files and resolves "extends", with one-line errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from envs.errors import UserError, nearest
from envs.installation import program, shipped_config
from envs.paths import expanded
from training.config.strict_yaml import YAML_SUFFIXES, read_yaml

MAX_CHARACTERS = 1_000_000


class ConfigError(UserError):
    """A config file, a key of it, or a flag is wrong; the message is one line."""


@dataclass(frozen=True)
class ConfigLayer:
    """One source of settings. ``label`` names it in messages; empty means command-line flags."""

    label: str
    values: Mapping[str, Any]

    def name(self, key: str) -> str:
        """Return the key as the user wrote it: ``--ent-coef`` for a flag, ``ent_coef`` in a file."""
        return key if self.label else "--" + key.replace("_", "-")

    def where(self, key: str) -> str:
        """Return the start of a message about ``key``: the source and the key's name there."""
        return f"{self.label}: {key}" if self.label else self.name(key)


def unknown_name(name: str, names: Iterable[str], holder: str) -> str:
    """Return the message for an unknown name, with the nearest name or, when none is near, all names.

    >>> unknown_name("gama", ["gamma", "seed"], "a key of x.json")
    'gama is not a key of x.json; did you mean gamma?'
    """
    names = sorted(names)
    near = nearest(name, names)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(names)}"
    return f"{name} is not {holder}; {hint}"


PROGRAMS = {
    "config of a run": "train_ppo.py --config",
    "curriculum": "curriculum.py",
    "search space": "run_sweep.py --search",
    "board": "board.py",
}
"""The kinds of files with settings, and what each is given to."""


def refuse_other_kind(path: Path | str, wanted: str, found: str) -> NoReturn:
    """Raise ConfigError for a file of the kind ``found`` where one of ``wanted`` is needed (of PROGRAMS)."""
    name, _, flag = PROGRAMS[found].partition(" ")
    takes = f"{program(name)} {flag}".rstrip()
    raise ConfigError(f"{path}: is a {found}, which {takes} takes; must be a {wanted}")


def read_object(path: Path) -> dict[str, Any]:
    """Read the object in ``path``: YAML when its name ends in .yaml or .yml, JSON otherwise.

    Raises:
        ConfigError: missing, unreadable, too large, not JSON or YAML, a duplicate key, or not an object.
    """
    if path.suffix.lower() not in YAML_SUFFIXES:
        return read_json_object(path)
    text = read_text(path)
    try:
        content = read_yaml(text)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        holds = "is empty" if content is None else f"holds {type(content).__name__}"
        raise ConfigError(f"{path}: {holds}, must be keys with values (key: value)")
    return content


def read_json_object(path: Path) -> dict[str, Any]:
    """Read the JSON object in ``path``.

    Raises:
        ConfigError: missing, unreadable, too large, not JSON, a duplicate key, or not an object.
    """
    text = read_text(path)
    if not text.strip():
        raise ConfigError(f"{path}: is empty, must be a JSON object {{...}}")

    def object_with_unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                raise ConfigError(f"{path}: the key {key} is given twice")
            seen[key] = value
        return seen

    def no_constant(name: str) -> NoReturn:
        raise ConfigError(f"{path}: {name} is not allowed in JSON")

    try:
        content = json.loads(text, object_pairs_hook=object_with_unique_keys, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}: not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds {type(content).__name__}, must be a JSON object {{...}}")
    return content


def read_text(path: Path) -> str:
    """Return the text of a file, or of a pipe or device, which may have no size and no end.

    A byte-order mark, which editors on Windows write, is left out.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file{_near_file(path)}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder, must be a JSON or YAML file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file in UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{path}: too large for a config (over {MAX_CHARACTERS:,} characters)")
    return text


def _near_file(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    configs = [other.name for suffix in (".json", *YAML_SUFFIXES) for other in path.parent.glob(f"*{suffix}")]
    near = nearest(path.name, configs)
    return f"; did you mean {path.parent / near}?" if near else ""


def _base_of(path: Path, base: str) -> Path:
    try:
        return shipped_config(expanded(base), path.parent)
    except UserError as error:
        raise ConfigError(f"{path}: extends: {error}") from None


def read_with_extends(path: Path) -> list[ConfigLayer]:
    """Read ``path`` and the files it extends, lowest precedence first, without their "extends" keys.

    Raises:
        ConfigError: a file is wrong, "extends" is not a string, or the files extend each other in a circle.
    """
    layers: list[ConfigLayer] = []
    chain: list[Path] = []
    following: Path | None = path
    while following is not None:
        resolved = following.resolve()
        if resolved in [seen.resolve() for seen in chain]:
            circle = " -> ".join(str(step) for step in [*chain, following])
            raise ConfigError(f'{path}: "extends" goes in a circle: {circle}')
        chain.append(following)
        values = read_object(following)
        base = values.pop("extends", None)
        if base is not None and (not isinstance(base, str) or not base):
            raise ConfigError(f"{following}: extends {base!r} must be the path of a JSON or YAML file")
        layers.insert(0, ConfigLayer(str(following), values))
        following = _base_of(following, base) if base is not None else None
    return layers
