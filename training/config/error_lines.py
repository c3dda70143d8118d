"""Turns pydantic's validation errors into one-line messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from training.config.discounts import DISCOUNT_KINDS
from training.config.files import ConfigLayer, unknown_name
from training.config.schedules import KINDS as SCHEDULE_KINDS
from training.config.schedules import NUMBER
from training.config.sections.intrinsic import INTRINSIC_KINDS
from training.config.sections.intrinsic import KINDS as LEARNED_REWARDS
from training.config.sections.policy import GPT2, LSTM, NATURE, POLICY_KINDS, TILES

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
    "string": "a string",
    "tuple": "a list",
    "dict": "an object {...}",
    "model": "an object {...}",
    "finite": "a finite number",
}
PATTERNS = {"device": "auto, cpu, cuda or cuda:N"}
MUST = {
    "too_short": "hold at least {min_length}",
    "too_long": "hold at most {max_length}",
    "schedule_kind": f'be a number, or an object whose "kind" is one of {", ".join(SCHEDULE_KINDS)}',
    "intrinsic_kind": f'be an object whose "kind" is {", ".join(LEARNED_REWARDS)} or FILE.py:CLASS',
    "policy_kind": f'be an object whose "kind" is {TILES}, {NATURE}, {LSTM}, {GPT2} or FILE.py:CLASS',
    "discount_kind": f'be a number, or an object whose "kind" is one of {", ".join(DISCOUNT_KINDS)}',
}
TAGS = (NUMBER, *DISCOUNT_KINDS, *INTRINSIC_KINDS, *POLICY_KINDS)
"""Parts of a location that name the kind of an object, not a key of the config."""


def where(layers: list[ConfigLayer], *location: object) -> str:
    """Return the layer that set the first part of ``location`` last, and the full location."""
    key = str(location[0])
    name = ".".join(str(part) for part in location)
    for layer in reversed(layers):
        if key in layer.values:
            return layer.where(name)
    return name


def show(value: object) -> str:
    """Return ``value`` as JSON, shortened to 60 characters."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def number(bound: float) -> str:
    """Format a bound without needless decimals."""
    return str(int(bound)) if bound == int(bound) else str(bound)


def describe(
    detail: Mapping[str, Any], layers: list[ConfigLayer], sections: Mapping[str, type[BaseModel]]
) -> str:
    """Describe one pydantic error in a line: the source, the field, the value and what would be right.

    ``sections`` maps the keys that hold objects, and the kinds of schedules, learned rewards and policies, to
    their models.
    """
    kind, parts = str(detail["type"]), tuple(detail["loc"])
    location = tuple(part for part in parts if part not in TAGS)
    context, value = detail.get("ctx", {}), detail.get("input")
    if not location:  # fields that contradict each other: the message names them itself
        return str(context.get("error", detail["msg"]))
    place = where(layers, *location)
    if kind == "extra_forbidden":
        section = where(layers, *location[:-1])
        known = sections[str(parts[-2])].model_fields
        return unknown_name(str(location[-1]), known, f"a key of {section}")
    if kind == "value_error":
        return f"{place}: {context.get('error', detail['msg'])}"
    if kind == "missing":
        named = any(str(location[0]) in layer.values for layer in layers)
        return f"{place if named else layers[-1].where(place)} is missing"
    start = f"{place} {show(value)}"
    if kind in LIMITS:
        bound, words = LIMITS[kind]
        return f"{start} is out of range: must be {words} {number(context[bound])}"
    if kind == "string_pattern_mismatch":
        wanted = PATTERNS.get(str(location[-1]), "lower-case letters, digits and '_', 40 at most")
        return f"{start} must be {wanted}"
    if kind == "literal_error":
        return f"{start} must be {context['expected'].replace(chr(39), '')}"
    if kind == "string_too_short" or (kind == "too_short" and not value):
        return f"{start} must not be empty"
    if kind in MUST:
        return f"{start} must {MUST[kind].format(**context)}"
    needed = KINDS.get(kind.split("_")[0])
    return f"{start} must be {needed}" if needed else f"{start}: {detail['msg']}"
