"""Output of evaluate.py: the figures of each player side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.cli.table import table
from training.evaluation.episode_statistics import MEANS, Summary

# With fewer, the intervals cover less than 95 % in the simulations of docs/evaluation.md.
FEW_EPISODES, FEW_RUNS = 20, 5
Better = Mapping[str, Mapping[str, tuple[float, float, float]]]  # opponent -> figure -> probability, interval


@dataclass(frozen=True)
class Comparison:
    """Players on the same seeds.

    ``summaries`` by column, ``ours`` the columns of the evaluated runs, ``improvement`` of each of them, and
    of several together, over each opponent, ``milestones`` not reached at the start.
    """

    heading: str
    ours: Sequence[str]
    summaries: Mapping[str, Summary]
    improvement: Mapping[str, Better]
    milestones: Sequence[str]

    @property
    def reached(self) -> list[str]:
        """The milestones that some player reached."""
        rows = [summary["milestones"] for summary in self.summaries.values()]
        return [name for name in self.milestones if any(row[name]["reached"] for row in rows)]


def comparison_text(comparison: Comparison) -> str:
    """Return the heading, the table, the probabilities of improvement, and the interventions."""
    lines = [comparison.heading, "", evaluation_table(comparison), ""]
    for name, better in comparison.improvement.items():
        who = name if name in comparison.ours else "the runs together"
        lines += _improvement_lines(who, better)
    lines += warnings_of(comparison.summaries)
    return "\n".join([*lines, _intervention_line(comparison.summaries)])


def evaluation_table(comparison: Comparison) -> str:
    """Return means with 95 % intervals and reach rates of each player; unreached milestones share a line."""
    summaries = comparison.summaries
    lines = [["", *summaries]]
    for mean in MEANS:
        lines.append([mean.replace("_", " "), *(mean_text(summary, mean) for summary in summaries.values())])
    lines.append(["success", *(success_text(summary) for summary in summaries.values())])
    for name in comparison.reached:
        lines.append([name, *(reach_text(summary["milestones"][name]) for summary in summaries.values())])
    missed = ", ".join(name for name in comparison.milestones if name not in comparison.reached)
    return table(lines) + (f"\n  never reached: {missed}" if missed else "")


def mean_text(summary: Summary, name: str) -> str:
    """Return a mean with its 95 % interval, if it has one."""
    mean, low, high = (summary[f"{name}_{part}"] for part in ("mean", "low", "high"))
    return f"{mean:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})")


def success_text(summary: Summary) -> str:
    """Return the share of successes with its 95 % interval."""
    rate, low, high = (100 * summary[key] for key in ("success_rate", "success_low", "success_high"))
    return f"{rate:.0f} % ({low:.0f} to {high:.0f})"


def reach_text(milestone: Summary) -> str:
    """Return a reach rate with its 95 % interval, and the action by which half of the episodes reached it."""
    rate, low, high = (100 * milestone[key] for key in ("rate", "low", "high"))
    return f"{rate:.0f} % ({low:.0f} to {high:.0f}){_half_by(milestone)}"


def _half_by(milestone: Summary) -> str:
    median, low, high = (milestone[f"median_{part}"] for part in ("actions", "low", "high"))
    if median is None:
        return ""
    if low is None:
        return f", half by {median:.0f}"
    return f", half by {median:.0f} ({low:.0f} " + ("or later)" if high is None else f"to {high:.0f})")


def warnings_of(summaries: Mapping[str, Summary]) -> list[str]:
    """Return a line for each reason why intervals are less reliable or missing."""
    lines = []
    for name, summary in summaries.items():
        count, different, size = (summary[key] for key in ("episodes", "different", "effective"))
        if different < count and "runs" not in summary:
            worth = f"worth {size} independent ones" if size > 1 else "worth one, and means have no interval"
            lines.append(f"  {name}: only {different} of its {count} episodes are different, {worth}")
    if min(summary["effective"] for summary in summaries.values()) < FEW_EPISODES:
        lines.append(
            f"  fewer than {FEW_EPISODES} independent episodes: intervals of means cover less than 95 %"
        )
    if any(summary.get("runs", FEW_RUNS) < FEW_RUNS for summary in summaries.values()):
        lines.append(f"  fewer than {FEW_RUNS} runs: intervals are wide and may miss failing runs")
    return lines


def _improvement_lines(name: str, better: Better) -> list[str]:
    lines = []
    for opponent, figures in better.items():
        shown = [
            f"{key.replace('_', ' ')} {p:.2f} ({a:.2f} to {b:.2f})" for key, (p, a, b) in figures.items()
        ]
        lines.append(f"  an episode of {name} beats one of {opponent} with probability: {', '.join(shown)}")
    return lines


def _intervention_line(summaries: Mapping[str, Summary]) -> str:
    """Return the interventions of each player, or "none"."""
    shown = [
        f"{name}: {', '.join(f'{kind} {count:,}' for kind, count in summary['interventions'].items())}"
        for name, summary in summaries.items()
        if summary["interventions"]
    ]
    return "  interventions: " + ("; ".join(shown) or "none")
