"""What pydantic finds wrong with a config, said in one line each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from training.config_files import Layer, unknown_name

LIMITS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "greater than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "tuple": "a list",
    "dict": "an object {...}",
    "model": "an object {...}",
    "finite": "a finite number",
}


def where(layers: list[Layer], *location: object) -> str:
    """The source that set the first part of ``location`` last, and the whole location."""
    key = str(location[0])
    name = ".".join(str(part) for part in location)
    for layer in reversed(layers):
        if key in layer.values:
            return layer.where(name)
    return name


def show(value: object) -> str:
    """``value`` as JSON, cut short when long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def number(bound: float) -> str:
    """A bound without needless decimals."""
    return str(int(bound)) if bound == int(bound) else str(bound)


def describe(detail: Mapping[str, Any], layers: list[Layer], section_keys: Iterable[str]) -> str:
    """One pydantic error as a line: the source, the field, the value and what would be right."""
    kind, location = str(detail["type"]), tuple(detail["loc"])
    context, value = detail.get("ctx", {}), detail.get("input")
    if not location:  # fields that do not agree: the message names them itself
        return str(context.get("error", detail["msg"]))
    place = where(layers, *location)
    if kind == "extra_forbidden":
        section = where(layers, *location[:-1])
        return unknown_name(str(location[-1]), section_keys, f"a key of {section}")
    if kind == "value_error":
        return f"{where(layers, location[0])}: {context.get('error', detail['msg'])}"
    start = f"{place} {show(value)}"
    if kind in LIMITS:
        bound, words = LIMITS[kind]
        return f"{start} is out of range: must be {words} {number(context[bound])}"
    if kind == "string_pattern_mismatch":
        return f"{start} must be auto, cpu, cuda or cuda:N"
    if kind in ("too_short", "string_too_short"):
        return f"{start} must not be empty"
    wanted = KINDS.get(kind.split("_")[0])
    return f"{start} must be {wanted}" if wanted else f"{start}: {detail['msg']}"
