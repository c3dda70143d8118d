"""Reports of a run's health, as plain values and as lines of text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from callbacks.health.rules import Finding
from callbacks.health.run_health import RunHealth, Worst


def report(run: RunHealth, last: Mapping[str, float]) -> dict[str, Any]:
    """Return verdict, findings, worst findings, criteria, ``last`` metrics and window means.

    Values that are not finite are null.
    """
    return {
        "verdict": run.verdict,
        "total_steps": run.steps,
        "updates": run.updates,
        "findings": [_plain(finding) for finding in run.findings],
        "worst": [{**_plain(w.finding), "steps": w.steps} for w in was_worse(run)],
        "criteria": [{"name": c.name, "met": c.met, "text": c.text} for c in run.criteria()],
        "last": {name: _finite(value) for name, value in last.items()},
        "mean": {name: _finite(value) for name, value in run.means().items()},
    }


def was_worse(run: RunHealth) -> list[Worst]:
    """Return the worst warnings and bad findings of the run that no longer hold."""
    standing = {(finding.metric, finding.level) for finding in run.findings}
    worst = [*run.broken.values(), *run.worst.values()]
    return [
        one
        for one in worst
        if one.finding.level in ("warning", "bad") and (one.finding.metric, one.finding.level) not in standing
    ]


def lines(run: RunHealth) -> list[str]:
    """Return lines for current findings with advice, worse earlier findings, and the criteria."""
    now = [str(finding) for finding in run.findings if finding.advice]
    before = [f"before, {worst}" for worst in was_worse(run)]
    return [*now, *before, *map(str, run.criteria())]


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "metric": finding.metric,
        "level": finding.level,
        "value": _finite(finding.value),
        "bound": finding.bound,
        "advice": finding.advice,
        "text": str(finding),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
