"""What played episodes say, as JSON: means with intervals, reach rates, times, interventions, and the
figures of every single episode, from which rows of eval.jsonl can be compared and put together later."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.evaluation.intervals import (
    Values,
    mean_interval,
    median_time,
    probability_of_improvement,
    wilson,
)
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


def by_seed(episodes: Sequence[PlayedEpisode], name: str) -> list[Values]:
    """The figure ``name`` of the episodes, one array for each seed number, in their order."""
    seeds = sorted({episode.seed for episode in episodes})
    return [np.array([float(e.stats[name]) for e in episodes if e.seed == seed]) for seed in seeds]


def summarise(episodes: Sequence[PlayedEpisode], milestone_names: Sequence[str]) -> Summary:
    """Figures of one player's episodes.

    ``NAME_mean``, ``NAME_std``, ``NAME_low`` and ``NAME_high`` (95 %, bootstrap stratified by seeds) for
    every name of MEANS; ``success_rate`` with ``success_low`` and ``success_high`` (Wilson);
    ``interventions`` by kind, empty where memory was left alone; for each milestone what ``reach`` gives.
    """
    summary: Summary = {"episodes": len(episodes), "seeds": len({episode.seed for episode in episodes})}
    for name in MEANS:
        values = [float(episode.stats[name]) for episode in episodes]
        summary[f"{name}_mean"] = statistics.fmean(values)
        summary[f"{name}_std"] = statistics.stdev(values) if len(values) > 1 else 0.0
        summary[f"{name}_low"], summary[f"{name}_high"] = mean_interval(by_seed(episodes, name))
    successes = sum(bool(episode.stats["success"]) for episode in episodes)
    summary["success_rate"] = successes / len(episodes)
    summary["success_low"], summary["success_high"] = wilson(successes, len(episodes))
    summary["interventions"] = interventions(episodes)
    summary["milestones"] = {name: reach(episodes, name) for name in milestone_names}
    return summary


def interventions(episodes: Sequence[PlayedEpisode]) -> dict[str, int]:
    """How often the game was helped from outside, by kind; empty: not once."""
    total: Counter[str] = Counter()
    for episode in episodes:
        total.update(episode.stats.get("interventions", {}))
    return dict(sorted(total.items()))


def reach(episodes: Sequence[PlayedEpisode], name: str) -> Summary:
    """How many episodes reached the milestone ``name``: ``reached``, ``rate`` with ``low`` and ``high``
    (95 %, Wilson), and ``median_actions``, by which half of all episodes did (None: fewer than half)."""
    times = [episode.milestones.get(name) for episode in episodes]
    hits = sum(time is not None for time in times)
    low, high = wilson(hits, len(episodes))
    median = median_time(times, [int(episode.stats["length"]) for episode in episodes])
    return {
        "reached": hits,
        "rate": hits / len(episodes),
        "low": low,
        "high": high,
        "median_actions": median,
    }


def as_columns(episodes: Sequence[PlayedEpisode]) -> dict[str, Any]:
    """Every episode's figures, a list for each, for a row of eval.jsonl; ``from_columns`` turns it back."""
    names = sorted({name for episode in episodes for name in episode.milestones})
    return {
        "seed": [episode.seed for episode in episodes],
        **{name: [episode.stats[name] for episode in episodes] for name in (*MEANS, "success")},
        "interventions": [dict(episode.stats.get("interventions", {})) for episode in episodes],
        "milestones": {name: [episode.milestones.get(name) for episode in episodes] for name in names},
    }


def from_columns(columns: Mapping[str, Any]) -> list[PlayedEpisode]:
    """The episodes of ``as_columns``. Raises KeyError, IndexError or TypeError when something is missing."""
    episodes = []
    for index, seed in enumerate(columns["seed"]):
        stats = {name: columns[name][index] for name in (*MEANS, "success", "interventions")}
        times = {name: found[index] for name, found in columns["milestones"].items()}
        reached = {name: int(time) for name, time in times.items() if time is not None}
        episodes.append(PlayedEpisode(stats, reached, int(seed)))
    return episodes


def together(runs: Sequence[Sequence[PlayedEpisode]], milestone_names: Sequence[str]) -> Summary:
    """Figures of several runs of one config: what the config learns, of which each run is one sample.

    Means are those of the runs' means, and their intervals draw the runs anew before their episodes. Rates
    are over all episodes; their intervals hold both that of Wilson, which knows nothing of runs, and that of
    the bootstrap, which knows nothing of what no episode showed.
    """
    episodes = [episode for run in runs for episode in run]
    summary = summarise(episodes, milestone_names)
    for name in MEANS:
        groups = [_floats(run, name) for run in runs]
        summary[f"{name}_mean"] = statistics.fmean(float(group.mean()) for group in groups)
        summary[f"{name}_low"], summary[f"{name}_high"] = mean_interval(groups, sampled_groups=True)
    low, high = mean_interval([_floats(run, "success") for run in runs], sampled_groups=True)
    summary["success_low"] = min(low, summary["success_low"])
    summary["success_high"] = max(high, summary["success_high"])
    for name, found in summary["milestones"].items():
        hits = [np.array([float(name in episode.milestones) for episode in run]) for run in runs]
        low, high = mean_interval(hits, sampled_groups=True)
        found["low"], found["high"] = min(low, found["low"]), max(high, found["high"])
    return {**summary, "runs": len(runs)}


def _floats(episodes: Sequence[PlayedEpisode], name: str) -> Values:
    return np.array([float(episode.stats[name]) for episode in episodes])


def improvement(
    ours: Sequence[PlayedEpisode], theirs: Sequence[PlayedEpisode]
) -> dict[str, tuple[float, float, float]]:
    """How probable it is that an episode of ours beats one of theirs on the same seed: (probability, low,
    high), 95 %, for every name of COMPARED."""
    compared = {}
    for name in COMPARED:
        probability, (low, high) = probability_of_improvement(by_seed(ours, name), by_seed(theirs, name))
        compared[name] = (probability, low, high)
    return compared
