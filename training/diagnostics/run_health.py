"""Health of one or two runs from their TensorBoard files, as text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callbacks.health.metric_names import UPDATE_KEYS, is_update, measured
from callbacks.health.report import lines, report
from callbacks.health.rules import RULES
from callbacks.health.run_health import EARLY, PROGRESS, Criterion, RunHealth
from envs.errors import UserError
from training.cli.table import table
from training.event_logs.reader import EventReader, LoggedStep, event_files

SPEED = "steps_per_second"


@dataclass(frozen=True)
class Diagnosis:
    """Health of one run; ``last`` holds the last update's metrics."""

    name: str
    folder: Path
    run: RunHealth
    last: dict[str, float]
    notes: list[str]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values."""
        found = {"name": self.name, "folder": str(self.folder), "notes": self.notes}
        return {**found, **report(self.run, self.last)}


def diagnose(name: str, path: Path) -> Diagnosis:
    """Judge the run whose event files are in ``path``.

    Raises:
        UserError: there are no event files, files of several runs, or no keys of stable-baselines3.
    """
    files = event_files(path)
    reader, run = EventReader(files), RunHealth()
    last: dict[str, float] = {}
    before: LoggedStep | None = None
    for row in reader.rows():
        if not is_update(row.values):
            continue
        last = measured(row.values)
        if SPEED not in last and before is not None and row.wall_time > before.wall_time:
            last[SPEED] = (row.step - before.step) / (row.wall_time - before.wall_time)
        run.add(row.step, last)
        before = row
    notes = list(reader.notes)
    if reader.repeated:
        notes.append(f"{reader.repeated:,} points at steps that were logged again were skipped")
    if not run.updates:
        why = f" ({'; '.join(notes)})" if notes else ""
        raise UserError(f"{path} holds no update: none of {', '.join(UPDATE_KEYS)}{why}")
    return Diagnosis(name, files[0].parent, run, last, notes)


def text(diagnoses: Sequence[Diagnosis]) -> str:
    """Return a table with one column per run, and below it the findings of each."""
    heads = [("", *(diagnosis.name for diagnosis in diagnoses))]
    rows = [
        ("verdict", *(d.run.verdict for d in diagnoses)),
        ("steps", *(f"{d.run.steps:,}" for d in diagnoses)),
        ("updates", *(f"{d.run.updates:,}" for d in diagnoses)),
        *((metric, *(_cell(d, metric) for d in diagnoses)) for metric in (*RULES, *PROGRESS)),
        *_criteria(diagnoses),
    ]
    shown = [row for row in rows if any(cell != "-" for cell in row[1:])]
    parts = [table([*heads, *shown])]
    for diagnosis in diagnoses:
        notes = [f"note: {note}" for note in diagnosis.notes]
        findings = [f"  {line}" for line in (*lines(diagnosis.run), *notes)]
        parts.append("\n".join([f"{diagnosis.name}: {diagnosis.run.verdict}", *findings]))
    return "\n\n".join(parts)


def _cell(diagnosis: Diagnosis, metric: str) -> str:
    series = diagnosis.run.series[metric]
    if not series.count:
        return "-"
    finding = next((f for f in diagnosis.run.findings if f.metric == metric), None)
    return f"{series.mean():,.4g}" if finding is None else f"{finding.value:,.4g} {finding.level}"


def _criteria(diagnoses: Sequence[Diagnosis]) -> list[tuple[str, ...]]:
    every = [diagnosis.run.criteria() for diagnosis in diagnoses]
    return [(same[0].name, *(_mark(criterion) for criterion in same)) for same in zip(*every, strict=True)]


def _mark(criterion: Criterion) -> str:
    if criterion.met is None:
        return EARLY if criterion.text.startswith(EARLY) else "-"
    return "yes" if criterion.met else "no"
