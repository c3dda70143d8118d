"""The tables of docs/config.md, from the schema: ``python -m tests.config_page`` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from envs.errors import UserError
from rewards.coefficients import DEFAULT_COEFFICIENTS, check_coefficients
from tests.paths import ROOT
from training.config.discounts import Learned
from training.config.loading import SECTIONS
from training.config.normalization_settings import NormalizationSettings
from training.config.ppo_settings import PPOSettings
from training.config.saving_settings import SavingSettings
from training.config.schedules import KINDS
from training.config.schema import RunSettings, TrainConfig
from training.config.sections.policy import POLICY_KINDS
from training.foreign_configs import cleanrl, rl_games, sb3_zoo
from training.session.flags import MARKS

PAGE = ROOT / "docs" / "config.md"
BEGIN, END = "<!-- settings: python -m tests.config_page -->", "<!-- end of settings -->"
GROUPS: tuple[type[BaseModel], ...] = (RunSettings, PPOSettings, NormalizationSettings, SavingSettings)
KINDS_OF_OBJECTS = {"learned": Learned, **KINDS}
"""Objects that a setting may have in place of a number; docs/metrics.md has their keys."""
BOUNDS = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
LENGTHS = {
    "minItems": "at least",
    "maxItems": "at most",
    "minProperties": "at least",
    "maxProperties": "at most",
}
ELSEWHERE: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "rl_games": (
        {
            **rl_games.DIRECT,
            **{f"reward_shaper.{name}": key for name, key in rl_games.SHAPER.items()},
            **{f"network.mlp.{name}": key for name, key in rl_games.MLP.items()},
            **{f"network.{name}": key for name, key in rl_games.NETWORK.items()},
            "seed": "seed",
        },
        rl_games.COMPUTED,
    ),
    "CleanRL": (cleanrl.DIRECT, cleanrl.COMPUTED),
    "rl-baselines3-zoo": (
        {**sb3_zoo.DIRECT, **{name: name for name in sb3_zoo.SCHEDULED}},
        sb3_zoo.COMPUTED,
    ),
}
"""For each other project its names and the keys they become: with the same value, and with a computed one."""


def names_elsewhere(key: str) -> list[str]:
    """The names of a setting in each other project; those whose values differ have an asterisk."""
    return [
        ", ".join(
            [f"`{name}`" for name, ours in same.items() if ours == key]
            + [f"`{name}`\\*" for name, ours in computed.items() if ours == key]
        )
        for same, computed in ELSEWHERE.values()
    ]


def alternatives(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas that a value may match, without null."""
    for part in schema.get("anyOf") or schema.get("oneOf") or [schema]:
        if part is schema:
            yield part
        elif part.get("type") != "null":
            yield from alternatives({**part, **{bound: schema[bound] for bound in BOUNDS if bound in schema}})


def type_of(schema: Mapping[str, Any]) -> str:
    """The type of a setting in words."""
    kinds = [part["$ref"].split("/")[-1] if "$ref" in part else _plain(part) for part in alternatives(schema)]
    objects = {kind.__name__: name for name, kind in KINDS_OF_OBJECTS.items()}
    words = [word for word in kinds if word not in objects]
    if any(objects.get(word) in KINDS for word in kinds):
        words.append("[schedule](metrics.md#schedules-and-time)")
    if Learned.__name__ in kinds:
        words.append("[learned](metrics.md#learned-gamma-and-lambda)")
    return " or ".join(dict.fromkeys("object" if word in _models() else word for word in words))


def _models() -> set[str]:
    return {model.__name__ for model in SECTIONS.values()}


def _plain(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "string"
    kind = str(schema.get("type", "string"))
    if kind == "array":
        return f"list of {type_of(schema['items'])}s"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"object of {type_of(inner)}s" if isinstance(inner, dict) and "type" in inner else "object"
    return {"integer": "whole number"}.get(kind, kind)


def range_of(schema: Mapping[str, Any]) -> str:
    """The values that a setting may have, in words."""
    found = []
    for part in alternatives(schema):
        values = part.get("enum") or ([part["const"]] if "const" in part else [])
        found += [", ".join(f"`{json.dumps(value)}`" for value in values), _bounds(part, BOUNDS)]
        if lengths := _bounds(part, LENGTHS):
            found.append(f"number of entries: {lengths}")
        inner = part.get("items") or part.get("additionalProperties")
        if isinstance(inner, dict) and (bounds := _bounds(inner, BOUNDS)):
            found.append(f"each {bounds}")
    return "; ".join(dict.fromkeys(filter(None, found)))


def _bounds(schema: Mapping[str, Any], words: Mapping[str, str]) -> str:
    return " ".join(f"{word} {schema[bound]:,.15g}" for bound, word in words.items() if bound in schema)


def default_of(schema: Mapping[str, Any], *, required: bool) -> str:
    """The default of a setting as JSON."""
    if required:
        return "must be given"
    if "default" not in schema or (isinstance(schema["default"], dict) and "kind" not in schema["default"]):
        return ""  # an object, which has a table of its own
    value = schema["default"]
    return "" if value is None else f"`{json.dumps(value)}`"


def meaning_of(schema: Mapping[str, Any]) -> str:
    """The description of a setting, in which pages are links."""
    text = " ".join(str(schema.get("description", "")).split()).replace("``", "`").replace("|", "\\|")
    return re.sub(r"docs/(\w+\.md)", r"[\1](\1)", text)


def row(key: str, schema: Mapping[str, Any], *, prefix: str = "", required: bool = False) -> str:
    """The line of a setting."""
    flag = f"{prefix}{key}" in MARKS
    cells = [
        f"`{key}`" + (" ⚑" if flag else ""),
        type_of(schema),
        range_of(schema),
        default_of(schema, required=required),
        meaning_of(schema),
    ]
    elsewhere = names_elsewhere(prefix + key) if prefix in ("", "network.") else []
    return "| " + " | ".join(cells + elsewhere) + " |"


def table(model: type[BaseModel], keys: list[str], prefix: str = "") -> list[str]:
    """The table of the settings ``keys`` of ``model``."""
    schema = model.model_json_schema()
    heads = ["setting", "type", "range", "default", "meaning"]
    heads += list(ELSEWHERE) if prefix in ("", "network.") else []
    must = schema.get("required", [])
    rows = [row(key, schema["properties"][key], prefix=prefix, required=key in must) for key in keys]
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *rows]


def accepted(coefficients: dict[str, float]) -> bool:
    """Whether a config may have these coefficients."""
    try:
        check_coefficients(coefficients)
    except UserError:
        return False
    return True


def coefficient_row(name: str, default: float) -> str:
    """The line of a reward coefficient; its range is found by trying."""
    possible = [value for value in (-1e6, 0, 1, 1e6) if accepted({"battle_win": 1, name: value})]
    return f"| `{name}` | from {possible[0]:,.0f} to {possible[-1]:,.0f} | `{default:g}` |"


def tables() -> str:
    """All tables in Markdown."""
    lines: list[str] = []
    for group in GROUPS:
        keys = [key for key in TrainConfig.model_fields if key in group.model_fields]
        lines += ["", f"## {group.__name__.removesuffix('Settings')} settings", first_line(group), ""]
        lines += table(TrainConfig, keys)
    lines += ["", "## `rewards`", "Coefficients of the reward terms, see [rewards.md](rewards.md).", ""]
    lines += ["| coefficient | range | default |", "|---|---|---|"]
    lines += [coefficient_row(*pair) for pair in DEFAULT_COEFFICIENTS.items()]
    for name, model in SECTIONS.items():
        if name in KINDS_OF_OBJECTS:
            continue
        lines += ["", f"## {title_of(name, model)}", first_line(model), ""]
        lines += table(model, list(model.model_fields), f"{name}.")
    return "\n".join(lines).lstrip()


def title_of(name: str, model: type[BaseModel]) -> str:
    """The heading of a section's table."""
    if "kind" not in model.model_fields:
        return f"`{name}`"
    section = "policy" if name in POLICY_KINDS else "intrinsic"
    return f"`{section}` of " + ("an own kind" if name.startswith("own") else f"kind `{name}`")


def first_line(model: type[BaseModel]) -> str:
    """The first line of a docstring, in which pages are links."""
    return meaning_of({"description": (model.__doc__ or "").splitlines()[0]})


def page_with_tables(page: str) -> str:
    """The page with the tables of today between its two marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{tables()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text("utf-8")), "utf-8")
