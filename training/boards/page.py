"""The page of a board in Markdown: a table of figures and one of reach rates for each track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from training.boards.board_file import Board
from training.boards.results import TrackResults, furthest, interventions, runs_that_reach
from training.cli.table import table
from training.evaluation.episode_statistics import Summary
from training.evaluation.table import FEW_RUNS, mean_text, reach_text
from training.runs.summary import describe_interventions

COLUMNS = (
    "player",
    "runs",
    "furthest",
    "in half of the episodes",
    "return",
    "battles won",
    "badges",
    "steps/s",
    "cost",
    "interventions",
)
NONE = "-"


def results_text(board: Board, results: Sequence[TrackResults], command: str, pictures: Sequence[str]) -> str:
    """Return the results as Markdown; ``pictures`` are the paths of each track's picture from the page."""
    parts = [_heading(board, results, command)]
    for found, picture in zip(results, pictures, strict=True):
        parts.append(_track_text(board, found, picture))
    return "\n\n".join(parts)


def _heading(board: Board, results: Sequence[TrackResults], command: str) -> str:
    commits = sorted({_short(commit) for found in results for commit in found.commits()})
    seeds = ", ".join(map(str, board.seeds))
    lines = [
        f"Made by `{command}`, evaluated at {', '.join(commits)}.",
        f"Every run: {board.budget:,} environment steps, rounded up to whole rollouts; seeds {seeds};"
        f" {board.episodes} held-out episodes of its last policy.",
    ]
    fewest = min(
        (len(found.done(method)) for found in results for method in found.track.methods), default=FEW_RUNS
    )
    if fewest < len(board.seeds):
        lines.append(f"**Not complete**: some methods have {fewest} of {len(board.seeds)} runs.")
    if fewest < FEW_RUNS:
        lines.append(f"**Fewer than {FEW_RUNS} runs**: intervals are wide and may miss failing runs.")
    return "\n\n".join(lines)


def _short(commit: str) -> str:
    """Return the first digits of a commit, with the mark of uncommitted changes."""
    number, *mark = commit.split("-")
    return "-".join([number[:10], *mark])


def _track_text(board: Board, found: TrackResults, picture: str) -> str:
    track, summaries = found.track, found.summaries()
    config = track.task.config
    start = f"Episodes of {config.max_steps:,} actions from {track.task.describe_start()}."
    parts = [
        f"### {track.name}",
        f"{track.description} {start}".strip(),
        markdown_table([COLUMNS, *_rows(board, found, summaries)]),
        *_notes(found),
        _reach_table(found, summaries),
        f"![Track {track.name}: progress over steps, and reach rates]({picture})",
    ]
    return "\n\n".join(parts)


def terminal_text(board: Board, results: Sequence[TrackResults]) -> str:
    """Return the tables of figures as plain text."""
    return "\n\n".join(
        f"{found.track.name}\n{table([COLUMNS, *_rows(board, found, found.summaries())])}"
        for found in results
    )


def _rows(board: Board, found: TrackResults, summaries: Mapping[str, Summary]) -> list[Sequence[str]]:
    rows = [_method_row(board, found, method, summaries.get(method)) for method in found.track.methods]
    return [*rows, *(_player_row(found, name, summaries[name]) for name in found.players)]


def _method_row(board: Board, found: TrackResults, method: str, summary: Summary | None) -> Sequence[str]:
    runs = found.done(method)
    head = (method, f"{len(runs)}/{len(board.seeds)}")
    if summary is None:
        return (*head, *[NONE] * (len(COLUMNS) - len(head)))
    last = furthest(summary, found.milestones)
    reached = f"{last} ({runs_that_reach(runs, last)} of {len(runs)} runs)" if last else NONE
    speed, usual = found.speed(method), found.speed(board.baseline)
    return (
        *head,
        reached,
        *_figures(found, summary),
        f"{speed:,.0f}" if speed else NONE,
        f"{usual / speed:.2f}" if speed and usual else NONE,
        describe_interventions(interventions(runs)),
    )


def _player_row(found: TrackResults, name: str, summary: Summary) -> Sequence[str]:
    last = furthest(summary, found.milestones) or NONE
    written = describe_interventions(summary["interventions"])
    return (name, NONE, last, *_figures(found, summary), NONE, NONE, written)


def _figures(found: TrackResults, summary: Summary) -> Sequence[str]:
    half = furthest(summary, found.milestones, 0.5) or NONE
    return (half, *(mean_text(summary, name) for name in ("return", "battles_won", "badges_earned")))


def _notes(found: TrackResults) -> list[str]:
    """Return lines about failed runs, and about methods whose training episodes begin elsewhere."""
    plain, lines = found.track.task.describe_start(), []
    for method, runs in found.runs.items():
        finished = [run.outcome.summary for run in runs if run.outcome.summary is not None]
        starts = sorted({str(summary.get("start", plain)) for summary in finished})
        if starts and starts != [plain]:
            lines.append(f"- {method} trained from {'; '.join(starts)}")
        for run in runs:
            if run.outcome.failure is not None:
                lines.append(f"- {method}, seed {run.outcome.trial.seed}: failed, {run.outcome.failure}")
    return ["\n".join(lines)] if lines else []


def _reach_table(found: TrackResults, summaries: Mapping[str, Summary]) -> str:
    """Return the share of episodes that reach each milestone; those that no player reaches share a line."""
    rates = {
        name: [summary["milestones"][name] for summary in summaries.values()] for name in found.milestones
    }
    reached = [name for name in found.milestones if any(one["reached"] for one in rates[name])]
    rows = [(name, *(reach_text(one) for one in rates[name])) for name in reached]
    text = markdown_table([("episodes that reach", *summaries), *rows]) if rows else ""
    missed = ", ".join(name for name in found.milestones if name not in reached)
    return "\n\n".join(part for part in (text, f"Never reached: {missed}." if missed else "") if part)


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table with the first as its head: first column left, others right."""
    head, *body = (f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
    return "\n".join([head, f"|---|{'---:|' * (len(rows[0]) - 1)}", *body])
