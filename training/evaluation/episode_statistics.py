"""Statistics of played episodes as JSON: means with intervals, reach rates, times, interventions.

The figures of every episode are kept too, so that rows of eval.jsonl can be compared and combined later.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.evaluation.improvement import improvement_over_runs, probability_of_improvement
from training.evaluation.intervals import (
    Interval,
    Values,
    effective_size,
    mean_interval,
    mean_over_runs,
    rate_over_runs,
    wilson,
)
from training.evaluation.milestone_times import median_interval, median_time
from training.evaluation.playing import PlayedEpisode

Summary = dict[str, Any]
MEANS = (
    "return",
    "length",
    "battles_started",
    "battles_won",
    "badges_earned",
    "levels_gained",
    "map_progress",
    "coord_count",
)
COMPARED = ("return", "battles_won", "levels_gained", "map_progress")


def repeats(episodes: Sequence[PlayedEpisode]) -> list[int]:
    """Return how often each distinct episode of one player was played: a greedy policy has one per initial
    wait. Episodes without recorded actions count as distinct."""
    kept = Counter(episode.trajectory for episode in episodes if episode.trajectory)
    return [*kept.values(), *[1] * (len(episodes) - kept.total())]


def summarise(episodes: Sequence[PlayedEpisode], milestone_names: Sequence[str]) -> Summary:
    """Return the figures of one player's episodes.

    ``different`` is the number of distinct episodes, and ``effective`` the effective sample size, which all
    intervals (95 %) use. ``NAME_mean``, ``NAME_std``, ``NAME_low`` and ``NAME_high`` for every name of MEANS
    (the ends are None when the effective size is 1); ``success_rate`` with ``success_low`` and
    ``success_high`` (Wilson); ``interventions`` by kind, empty if memory was not written; ``milestones``: the
    result of ``reach`` by name.
    """
    return _summary(episodes, milestone_names, [repeats(episodes)])


def _summary(
    episodes: Sequence[PlayedEpisode], milestone_names: Sequence[str], counts: Sequence[Sequence[int]]
) -> Summary:
    """Return the figures of ``summarise``; ``counts`` are the repeats of each policy."""
    size = sum(map(effective_size, counts))
    summary: Summary = {
        "episodes": len(episodes),
        "different": sum(map(len, counts)),
        "effective": size,
        "seeds": len({episode.seed for episode in episodes}),
    }
    for name in MEANS:
        values = _floats(episodes, name)
        summary[f"{name}_mean"] = statistics.fmean(values)
        summary[f"{name}_std"] = statistics.stdev(values) if len(values) > 1 else 0.0
        _keep_interval(summary, name, _possible(name, mean_interval(values, size)))
    rate = statistics.fmean(_floats(episodes, "success"))
    summary["success_rate"] = rate
    _keep_interval(summary, "success", wilson(rate * size, size))
    summary["interventions"] = interventions(episodes)
    summary["milestones"] = {name: reach(episodes, name, size) for name in milestone_names}
    return summary


def _keep_interval(summary: Summary, name: str, interval: Interval | None) -> None:
    summary[f"{name}_low"], summary[f"{name}_high"] = interval or (None, None)


def _possible(name: str, interval: Interval | None) -> Interval | None:
    """Clip ``interval`` at 0: every figure except the return is a count."""
    return interval if interval is None or name == "return" else (max(0.0, interval[0]), interval[1])


def interventions(episodes: Sequence[PlayedEpisode]) -> dict[str, int]:
    """Return the number of interventions by kind; empty if there were none."""
    total: Counter[str] = Counter()
    for episode in episodes:
        total.update(episode.stats.get("interventions", {}))
    return dict(sorted(total.items()))


def reach(episodes: Sequence[PlayedEpisode], name: str, size: int | None = None) -> Summary:
    """Return how many episodes reached the milestone ``name``.

    ``reached``, ``rate`` with ``low`` and ``high`` (Wilson), and ``median_actions``, the action by which half
    of all episodes reached it (None: fewer than half), with ``median_low`` and ``median_high`` (None: later
    than any observed). ``size`` is the effective sample size.
    """
    times = [episode.milestones.get(name) for episode in episodes]
    lengths = [int(episode.stats["length"]) for episode in episodes]
    hits = sum(time is not None for time in times)
    trials = len(episodes) if size is None else size
    low, high = wilson(hits / len(episodes) * trials, trials)
    median_low, median_high = median_interval(times, lengths, trials)
    return {
        "reached": hits,
        "rate": hits / len(episodes),
        "low": low,
        "high": high,
        "median_actions": median_time(times, lengths),
        "median_low": median_low,
        "median_high": median_high,
    }


def as_columns(episodes: Sequence[PlayedEpisode]) -> dict[str, Any]:
    """Return every episode's figures as lists for a row of eval.jsonl; ``from_columns`` is the inverse."""
    names = sorted({name for episode in episodes for name in episode.milestones})
    return {
        "seed": [episode.seed for episode in episodes],
        "trajectory": [episode.trajectory for episode in episodes],
        **{name: [episode.stats[name] for episode in episodes] for name in (*MEANS, "success")},
        "interventions": [dict(episode.stats.get("interventions", {})) for episode in episodes],
        "milestones": {name: [episode.milestones.get(name) for episode in episodes] for name in names},
    }


def from_columns(columns: Mapping[str, Any]) -> list[PlayedEpisode]:
    """Return the episodes of ``as_columns``. Raises KeyError, IndexError or TypeError if data is missing."""
    episodes = []
    for index, seed in enumerate(columns["seed"]):
        stats = {name: columns[name][index] for name in (*MEANS, "success", "interventions")}
        times = {name: found[index] for name, found in columns["milestones"].items()}
        reached = {name: int(time) for name, time in times.items() if time is not None}
        episodes.append(PlayedEpisode(stats, reached, int(seed), str(columns["trajectory"][index])))
    return episodes


def together(runs: Sequence[Sequence[PlayedEpisode]], milestone_names: Sequence[str]) -> Summary:
    """Return the figures of several runs of one config, each run being one sample of the config.

    Means are over the runs' means, rates over all episodes, and the unit of every interval is the run (see
    ``mean_over_runs`` and ``rate_over_runs``). Times to milestones have no interval.
    """
    episodes = [episode for run in runs for episode in run]
    summary = _summary(episodes, milestone_names, [repeats(run) for run in runs])
    size = summary["effective"]
    for name in MEANS:
        means = [statistics.fmean(_floats(run, name)) for run in runs]
        summary[f"{name}_mean"] = statistics.fmean(means)
        interval = mean_over_runs(means, mean_interval(_floats(episodes, name), size))
        _keep_interval(summary, name, _possible(name, interval))
    rates = [statistics.fmean(_floats(run, "success")) for run in runs]
    _keep_interval(summary, "success", rate_over_runs(rates, size))
    for name, found in summary["milestones"].items():
        rates = [statistics.fmean(name in episode.milestones for episode in run) for run in runs]
        found["low"], found["high"] = rate_over_runs(rates, size)
        found["median_low"] = found["median_high"] = None
    return {**summary, "runs": len(runs)}


def _floats(episodes: Sequence[PlayedEpisode], name: str) -> Values:
    return np.array([float(episode.stats[name]) for episode in episodes])


def improvement(
    runs: Sequence[Sequence[PlayedEpisode]], theirs: Sequence[PlayedEpisode]
) -> dict[str, tuple[float, float, float]]:
    """Return the probability that an episode of ``runs`` (one policy, or several runs of one config) beats
    one of theirs: (probability, low, high), 95 %, for every name of COMPARED."""
    sizes = sum(effective_size(repeats(run)) for run in runs), effective_size(repeats(theirs))
    compared = {}
    for name in COMPARED:
        ours, others = [_floats(run, name) for run in runs], _floats(theirs, name)
        if len(ours) == 1:
            probability, (low, high) = probability_of_improvement(ours[0], others, sizes)
        else:
            probability, (low, high) = improvement_over_runs(ours, others, sizes)
        compared[name] = (probability, low, high)
    return compared
