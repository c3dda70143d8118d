"""Queries of the history page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, func, or_, select

from training.history_db.curves import Points, read_curves
from training.history_db.models import FIGURES, STATUSES, CurveRecord, Evaluation, RunRecord, Tag

SORTS = {
    "name": RunRecord.name,
    "agent": RunRecord.agent_id,
    "variant": RunRecord.sweep_variant,
    "status": RunRecord.status,
    "steps": RunRecord.steps,
    "verdict": RunRecord.verdict,
    "started": RunRecord.started,
    "seed": RunRecord.seed,
    **{column: getattr(RunRecord, column) for column in FIGURES},
}
SHOWN = (
    RunRecord.id,
    RunRecord.name,
    RunRecord.status,
    RunRecord.reason,
    RunRecord.agent_id,
    RunRecord.agent_name,
    RunRecord.version,
    RunRecord.sweep,
    RunRecord.sweep_variant,
    RunRecord.seed,
    RunRecord.family,
    RunRecord.description,
    RunRecord.config_name,
    RunRecord.started,
    RunRecord.updated,
    RunRecord.steps,
    RunRecord.wanted_steps,
    RunRecord.seconds,
    RunRecord.verdict,
    *(getattr(RunRecord, column) for column in FIGURES),
)


@dataclass(frozen=True)
class Filter:
    """Which runs to list. Empty fields match everything; ``text`` is searched for in names, agents, variants,
    sweeps, configs, descriptions and tags."""

    text: str = ""
    agent: str = ""
    tag: str = ""
    status: str = ""
    sort: str = "started"
    descending: bool = True
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True)
class Listed:
    """One page of the list: rows of ``SHOWN`` with their tags, and the total number of runs."""

    rows: Sequence[Row[Any]]
    tags: dict[int, list[str]]
    total: int


@dataclass(frozen=True)
class Choices:
    """Values to filter by."""

    agents: list[str]
    tags: list[str]
    statuses: list[str] = field(default_factory=lambda: list(STATUSES))


def list_runs(connection: Connection, wanted: Filter) -> Listed:
    """Return the runs that match ``wanted``; runs without a value in the sort column come last."""
    total = connection.execute(_filtered(select(func.count(RunRecord.id)), wanted)).scalar_one()
    column = SORTS.get(wanted.sort, RunRecord.started)
    order = column.desc() if wanted.descending else column.asc()
    query = _filtered(select(*SHOWN), wanted).order_by(order.nulls_last(), RunRecord.id.desc())
    rows = connection.execute(query.offset(wanted.offset).limit(wanted.limit)).all()
    return Listed(rows, tags_by_run(connection, [row.id for row in rows]), total)


def _filtered(query: Select[Any], wanted: Filter) -> Select[Any]:
    if wanted.agent:
        query = query.where(RunRecord.agent_id == wanted.agent)
    if wanted.status:
        query = query.where(RunRecord.status == wanted.status)
    if wanted.tag:
        query = query.where(RunRecord.id.in_(select(Tag.run_id).where(Tag.tag == wanted.tag)))
    for word in wanted.text.split():
        places = (
            RunRecord.name,
            RunRecord.agent_id,
            RunRecord.agent_name,
            RunRecord.sweep,
            RunRecord.sweep_variant,
            RunRecord.config_name,
            RunRecord.description,
        )
        tagged = RunRecord.id.in_(select(Tag.run_id).where(Tag.tag.icontains(word, autoescape=True)))
        query = query.where(or_(tagged, *(place.icontains(word, autoescape=True) for place in places)))
    return query


def tags_by_run(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """Return run id -> sorted tags."""
    found: dict[int, list[str]] = {}
    for run_id, tag in connection.execute(
        select(Tag.run_id, Tag.tag).where(Tag.run_id.in_(ids)).order_by(Tag.tag)
    ):
        found.setdefault(run_id, []).append(tag)
    return found


def choices(connection: Connection) -> Choices:
    """Return the agents and tags of all runs."""
    agents = (
        select(RunRecord.agent_id)
        .where(RunRecord.agent_id.is_not(None))
        .distinct()
        .order_by(RunRecord.agent_id)
    )
    tags = select(Tag.tag).distinct().order_by(Tag.tag)
    return Choices(
        [str(agent) for agent in connection.execute(agents).scalars()],
        list(connection.execute(tags).scalars()),
    )


def find_run(connection: Connection, name: str) -> Row[Any] | None:
    """Return every column of the run called ``name``, or None if there is no such run."""
    return connection.execute(select(RunRecord.__table__).where(RunRecord.name == name)).one_or_none()


def runs_called(connection: Connection, names: Sequence[str]) -> list[Row[Any]]:
    """Return the runs of these names with their configs, in the given order; unknown names are skipped."""
    found = connection.execute(select(*SHOWN, RunRecord.config).where(RunRecord.name.in_(names)))
    rows: list[Any] = list(found)
    return sorted(rows, key=lambda row: names.index(row.name))


def evaluations_of(connection: Connection, run_id: int) -> list[dict[str, Any]]:
    """Return the rows of the run's eval.jsonl in order."""
    query = select(Evaluation.data).where(Evaluation.run_id == run_id).order_by(Evaluation.number)
    return list(connection.execute(query).scalars())


def keys_of(connection: Connection, ids: Sequence[int]) -> list[str]:
    """Return the logged keys that any of the runs has, sorted."""
    query = select(CurveRecord.key).where(CurveRecord.run_id.in_(ids)).distinct().order_by(CurveRecord.key)
    return list(connection.execute(query).scalars())


def points_of(
    connection: Connection, ids: Sequence[int], keys: Sequence[str]
) -> dict[tuple[int, str], Points]:
    """Return (run id, key) -> points, where there are any."""
    query = select(CurveRecord.id, CurveRecord.run_id, CurveRecord.key).where(
        CurveRecord.run_id.in_(ids), CurveRecord.key.in_(keys)
    )
    curves = {row.id: (row.run_id, row.key) for row in connection.execute(query)}
    return {curves[curve]: points for curve, points in read_curves(connection, list(curves)).items()}
