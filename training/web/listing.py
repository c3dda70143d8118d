"""View model of the list: groups of runs, columns that hold something, and sparklines."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row

from training.history_db.curves import Points, merge
from training.history_db.models import FIGURES
from training.history_db.queries import points_of

COURSE_STATE = "curriculum.json"  # in the folder of a course, see training.curricula.state
STAGE = re.compile(r"(.+)-[0-9]+-[^-].*")  # the run of a stage: COURSE-NUMBER-STAGE
SPARK_KEY = "train/episode_return_mean"
SPARK_POINTS, SPARK_WIDTH, SPARK_HEIGHT = 40, 72, 18  # points of a curve; pixels
MOST_SPARKS = 1000  # in memory
OPTIONAL = {
    "agent": "agent_id",
    "variant": "sweep_variant",
    "verdict": "verdict",
    **{name: name for name in FIGURES},
}
"""Columns that are left out where no run has a value, and the attribute that holds it."""


@dataclass(frozen=True)
class Group:
    """Runs that belong together: of a ``kind`` ("sweep", "course" or "": on their own) called ``name``."""

    kind: str
    name: str
    rows: list[Row[Any]] = field(default_factory=list)

    @property
    def best(self) -> float | None:
        """The highest return of its runs."""
        found = [row.episode_return for row in self.rows if row.episode_return is not None]
        return max((value for value in found if math.isfinite(value)), default=None)


def grouped(rows: Sequence[Row[Any]], root: Path) -> list[Group]:
    """Return ``rows`` in groups, each where its first run is; neighbours on their own share a group."""
    groups: list[Group] = []
    known: dict[tuple[str, str], Group] = {}
    courses: dict[str, bool] = {}
    for row in rows:
        key = _group_of(row, root, courses)
        group = known.get(key)
        if key == ("", ""):
            group = groups[-1] if groups and not groups[-1].kind else None
        if group is None:
            group = Group(*key)
            groups.append(group)
            known[key] = group
        group.rows.append(row)
    return groups


def _group_of(row: Row[Any], root: Path, courses: dict[str, bool]) -> tuple[str, str]:
    if row.sweep:
        return "sweep", str(row.sweep)
    stage = STAGE.fullmatch(row.name)
    if stage is None:
        return "", ""
    name = stage[1]
    if name not in courses:
        courses[name] = (root / name / COURSE_STATE).is_file()
    return ("course", name) if courses[name] else ("", "")


def empty_columns(rows: Sequence[Row[Any]]) -> set[str]:
    """Return the names of the columns in which no run has a value."""
    return {name for name, key in OPTIONAL.items() if all(_missing(getattr(row, key)) for row in rows)}


def _missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and not math.isfinite(value))


class Sparklines:
    """Small curves of the return, drawn again only when a run has new points."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[tuple[int, Any], str] = OrderedDict()

    def of(self, connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, str]:
        """Return run id -> points of an SVG polyline; "" for runs with fewer than two points."""
        missing = [row for row in rows if (row.id, row.updated) not in self._drawn]
        if missing:
            found = points_of(connection, [row.id for row in missing], [SPARK_KEY])
            for row in missing:
                points = found.get((row.id, SPARK_KEY))
                self._drawn[row.id, row.updated] = "" if points is None else polyline(points)
        drawn = {row.id: self._drawn[row.id, row.updated] for row in rows}
        while len(self._drawn) > MOST_SPARKS:
            self._drawn.popitem(last=False)
        return drawn


def polyline(points: Points) -> str:
    """Return the curve as points of an SVG polyline within SPARK_WIDTH x SPARK_HEIGHT pixels."""
    size = -(-len(points) // SPARK_POINTS)
    kept = merge(points, size) if size > 1 else points
    kept = kept[np.isfinite(kept["value"])]
    if len(kept) < 2:
        return ""
    x, y = kept["step"].astype(np.float64), kept["value"].astype(np.float64)
    across = (x - x[0]) / ((x[-1] - x[0]) or 1.0) * (SPARK_WIDTH - 2) + 1
    up = (y.max() - y) / ((y.max() - y.min()) or 1.0) * (SPARK_HEIGHT - 2) + 1
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, up, strict=True))
