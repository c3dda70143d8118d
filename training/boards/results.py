"""Results of a board: what each method's runs and the fixed players came to on a track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from training.boards.board_file import RANDOM, SCRIPTED
from training.boards.entries import Track
from training.boards.evaluations import Evaluation
from training.evaluation.episode_statistics import Summary, summarise, together
from training.evaluation.intervals import Interval, mean_over_runs
from training.sweeps.comparison import figures
from training.sweeps.local_jobs import TrialOutcome

Point = tuple[int, float, Interval | None]
"""Steps, mean over runs, and its 95 % interval over runs (None for a single run)."""
PROGRESS = "map_progress"


@dataclass(frozen=True)
class RunResult:
    """A run: how it ended, and its evaluations in the order of steps, that of the last policy at the end."""

    outcome: TrialOutcome
    evaluations: Sequence[Evaluation] = ()

    @property
    def evaluated(self) -> bool:
        """Whether the run finished and its trained policy was evaluated."""
        return bool(self.evaluations)


@dataclass(frozen=True)
class TrackResults:
    """Everything about a track. ``players`` maps "random" and "scripted" to their evaluations.

    ``milestones`` are those not reached at the start, in the order of the game.
    """

    track: Track
    milestones: Sequence[str]
    players: Mapping[str, Evaluation]
    runs: Mapping[str, Sequence[RunResult]] = field(default_factory=dict)

    def done(self, method: str) -> list[RunResult]:
        """Return the evaluated runs of a method."""
        return [run for run in self.runs.get(method, ()) if run.evaluated]

    def summaries(self) -> dict[str, Summary]:
        """Return the figures of every method with an evaluated run, and of the fixed players.

        The unit of a method's intervals is the run, that of a player's the episode.
        """
        methods = {
            method: together([run.evaluations[-1].episodes for run in self.done(method)], self.milestones)
            for method in self.track.methods
            if self.done(method)
        }
        return methods | {
            name: summarise(found.episodes, self.milestones) for name, found in self.players.items()
        }

    def speed(self, method: str) -> float | None:
        """Return the mean steps per second of a method's runs, over all their environments."""
        summaries = [run.outcome.summary for run in self.done(method)]
        speeds = [figures(summary)["steps_per_s"] for summary in summaries if summary is not None]
        known = [speed for speed in speeds if speed]
        return fmean(known) if known else None

    def commits(self) -> set[str]:
        """Return the commits of all evaluations."""
        runs = [run for found in self.runs.values() for run in found]
        made = [*self.players.values(), *(one for run in runs for one in run.evaluations)]
        return {one.code or "an unknown commit" for one in made}


def furthest(summary: Summary, milestones: Sequence[str], share: float = 0.0) -> str | None:
    """Return the last milestone that more than ``share`` of the episodes reached, or None."""
    reached = [name for name in milestones if summary["milestones"][name]["rate"] > share]
    return reached[-1] if reached else None


def runs_that_reach(runs: Sequence[RunResult], milestone: str) -> int:
    """Return how many runs reach ``milestone`` in some episode of their trained policy."""
    return sum(any(milestone in e.milestones for e in run.evaluations[-1].episodes) for run in runs)


def progress(runs: Sequence[RunResult]) -> list[Point]:
    """Return the mean place on the way (map_progress) from the plain start over the steps of training.

    Only points that all runs have count; the band is Student's t over the runs' means.
    """
    points = []
    along = list(zip(*(run.evaluations[:-1] for run in runs), strict=False))
    for column in [*along, [run.evaluations[-1] for run in runs]] if runs else []:
        means = [fmean(float(e.stats[PROGRESS]) for e in one.episodes) for one in column]
        band = mean_over_runs(means, None)
        steps = round(fmean(one.steps or 0 for one in column))
        points.append((steps, fmean(means), band and (max(0.0, band[0]), band[1])))
    return points


def interventions(runs: Sequence[RunResult]) -> dict[str, int]:
    """Return the writes to memory in training and evaluation, by kind."""
    total: dict[str, int] = {}
    for run in runs:
        during: dict[str, Any] = (run.outcome.summary or {}).get("interventions", {})
        episodes = [e.stats.get("interventions", {}) for one in run.evaluations for e in one.episodes]
        for counts in (during, *episodes):
            for kind, count in counts.items():
                total[kind] = total.get(kind, 0) + count
    return total


def fixed_players(track: Track) -> tuple[str, ...]:
    """Return the players without training that know the track's cartridge."""
    from training.demonstrations.story import knows

    return (RANDOM, SCRIPTED) if knows(track.task.game) else (RANDOM,)
