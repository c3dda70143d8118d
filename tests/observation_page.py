"""The tables of docs/observations.md, from the code: ``python -m tests.observation_page`` writes them."""

from __future__ import annotations

import inspect
import re

from envs import ram
from envs.observation_names import DEFAULT_OBSERVATIONS, OBSERVATION_NAMES
from envs.observation_parts.base import Field, FieldsPart
from envs.observation_parts.table import PARTS
from tests.paths import ROOT

PAGE = ROOT / "docs" / "observations.md"
BEGIN, END = "<!-- observations: python -m tests.observation_page -->", "<!-- end of observations -->"
SYMBOL = re.compile(r"\b[A-Z]_[A-Z_]+\b")


def addressed(source: str) -> str:
    """A source with the address behind each symbol. Raises AttributeError for a symbol that ram lacks."""
    return SYMBOL.sub(lambda found: f"`{found[0]}` 0x{getattr(ram, found[0]):04X}", source)


def sources(kind: type) -> str:
    """Where all values of a part come from, each symbol once."""
    found = dict.fromkeys(SYMBOL.findall(kind.source))  # type: ignore[attr-defined]
    return ", ".join(f"`{name}`" for name in found) or kind.source  # type: ignore[attr-defined]


def row(name: str) -> str:
    kind = PARTS[name]
    meaning = " ".join((inspect.getdoc(kind) or "").split()).replace("``", "`")
    shape = " x ".join(map(str, kind.shape))
    usual = "yes" if name in DEFAULT_OBSERVATIONS else ""
    return f"| `{name}` | {usual} | {shape} | {meaning} | {sources(kind)} |"


def fields(kind: type[FieldsPart]) -> list[str]:
    """A line for each field; those that the slots of a team repeat are counted."""
    times = {field: kind.fields.count(field) for field in kind.fields}
    lines = ["| values | maximum | meaning | source |", "|---|---|---|---|"]
    for field, number in times.items():
        count = f"{number} x {field.count}" if number > 1 else str(field.count)
        lines.append(f"| {count} | {_maximum(field)} | {field.meaning} | {addressed(field.source)} |")
    return lines


def _maximum(field: Field) -> str:
    return f"id of a {field.ids}" if field.ids else str(field.high)


def tables() -> str:
    """All tables in Markdown."""
    lines = [
        "| name | default | shape | meaning | source |",
        "|---|---|---|---|---|",
        *map(row, OBSERVATION_NAMES),
    ]
    for name in OBSERVATION_NAMES:
        kind = PARTS[name]
        if issubclass(kind, FieldsPart):
            lines += ["", f"### `{name}`", *fields(kind)]
    return "\n".join(lines)


def page_with_tables(page: str) -> str:
    """The page with the tables of today between its two marks."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{tables()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page_with_tables(PAGE.read_text("utf-8")), "utf-8")
