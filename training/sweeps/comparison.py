"""Results of a sweep: a table with a row per variant, intervals over seeds, and a recommendation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from training.cli.table import table
from training.evaluation.intervals import difference, half_width
from training.sweeps.local_jobs import TrialOutcome

HEADINGS = (
    "variant",
    "seeds",
    "return",
    "battles won",
    "KL",
    "clip fraction",
    "explained var.",
    "steps/s",
    "health",
)


def figures(summary: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the compared figures of one run; battles are per episode."""
    episodes, metrics = summary["counts"]["episodes"], summary["metrics"]
    return {
        "return": summary["mean_return"],
        "battles_won": summary["counts"]["battles_won"] / episodes if episodes else None,
        "approx_kl": metrics.get("approx_kl"),
        "clip_fraction": metrics.get("clip_fraction"),
        "explained_variance": metrics.get("explained_variance"),
        "steps_per_s": summary["session_steps"] / summary["seconds"] if summary["seconds"] else None,
    }


def result_row(outcome: TrialOutcome) -> dict[str, Any]:
    """Return one run of the sweep as plain JSON values."""
    trial, summary = outcome.trial, outcome.summary
    about = {"variant": trial.variant, "seed": trial.seed, "run": trial.run, "failure": outcome.failure}
    return about if summary is None else {**about, **figures(summary), "verdict": summary["verdict"]}


def by_variant(outcomes: Sequence[TrialOutcome]) -> dict[str, list[TrialOutcome]]:
    """Group outcomes by variant, highest mean return first; variants without a return come last."""
    groups: dict[str, list[TrialOutcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.trial.variant, []).append(outcome)
    return dict(sorted(groups.items(), key=lambda item: _rank(item[1])))


def _rank(outcomes: Sequence[TrialOutcome]) -> tuple[bool, float]:
    returns = values(outcomes, "return")
    return not returns, -fmean(returns) if returns else 0.0


def values(outcomes: Sequence[TrialOutcome], figure: str) -> list[float]:
    """Return ``figure`` for every run that has it."""
    found = [figures(outcome.summary)[figure] for outcome in outcomes if outcome.summary is not None]
    return [value for value in found if value is not None]


def sweep_table(outcomes: Sequence[TrialOutcome]) -> str:
    """Return the table of means with 95 % intervals over seeds (Student's t)."""
    rows: list[tuple[str, ...]] = [HEADINGS]
    for variant, group in by_variant(outcomes).items():
        done = [outcome for outcome in group if outcome.summary is not None]
        shown = [
            _with_interval(values(group, figure), digits)
            for figure, digits in (("return", 1), ("battles_won", 2), ("approx_kl", 4), ("clip_fraction", 3))
        ]
        shown += [_mean(values(group, "explained_variance"), 2), _mean(values(group, "steps_per_s"), 0)]
        rows.append((variant, f"{len(done)}/{len(group)}", *shown, _health(done)))
    return table(rows)


def _with_interval(numbers: Sequence[float], digits: int) -> str:
    half = half_width(numbers)
    return _mean(numbers, digits) + (f" ± {half:.{digits}f}" if half is not None else "")


def _mean(numbers: Sequence[float], digits: int) -> str:
    return f"{fmean(numbers):.{digits}f}" if numbers else "-"


def _health(done: Sequence[TrialOutcome]) -> str:
    verdicts = [str(outcome.summary["verdict"]) for outcome in done if outcome.summary is not None]
    return ", ".join(
        f"{verdicts.count(v)} {v}" if len(set(verdicts)) > 1 else v for v in sorted(set(verdicts))
    ) or "-"  # fmt: skip


def recommendation(outcomes: Sequence[TrialOutcome]) -> str:
    """Say which variant to continue with, and whether its lead is more than noise."""
    ranked = [(v, values(group, "return")) for v, group in by_variant(outcomes).items()]
    ranked = [(variant, returns) for variant, returns in ranked if returns]
    if not ranked:
        return "No run finished an episode: there is nothing to recommend. Raise --episodes."
    best, returns = ranked[0]
    if len(ranked) == 1:
        return f"{best} is the only variant with a return; there is nothing to compare it with."
    second, others = ranked[1]
    lead = f"{best} has the highest mean return, {fmean(returns) - fmean(others):.2f} above {second}"
    interval = difference(returns, others)
    if interval is None:
        return f"{lead}. One seed does not show how much of it is chance; use --seeds 3 or more."
    low, high = interval
    if low <= 0:
        return (
            f"{lead}, but the 95 % interval of the difference, [{low:.2f}, {high:.2f}], includes 0: with"
            f" {min(len(returns), len(others))} seeds that is noise. Run more seeds or more episodes."
        )
    return f"{lead}; 95 % interval of the difference [{low:.2f}, {high:.2f}]. Continue with {best}."
