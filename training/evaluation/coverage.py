"""Simulated coverage of the 95 % intervals: how often they contain the true value.

``python -m training.evaluation.coverage`` prints the tables of docs/evaluation.md. The distributions are
modelled on this project's episodes: means and spreads of trained and random players, lumps where a battle
pays more than everything else, policies that sometimes get stuck.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb, exp

import numpy as np

from training.cli.table import table
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
from training.evaluation.milestone_times import median_interval

Generator = np.random.Generator
Draw = Callable[[Generator, int], Values]
SEED = 20_240_607
TRIALS = 4000
WAITS = 31  # starts of an episode: 0 to 30 frames of waiting
RATES = tuple(rate / 100 for rate in range(5, 100, 5))


@dataclass(frozen=True)
class Law:
    """A distribution of episodes' figures or of runs' means."""

    draw: Draw
    mean: float


def _wins(generator: Generator, count: int) -> Values:
    """Returns of random play in the tall grass: battles won pay 82, the rest next to nothing."""
    won = generator.choice(3, size=count, p=(0.72, 0.21, 0.07))
    return 82.0 * won + generator.normal(1.5, 3.0, count)


def _battles(generator: Generator, count: int) -> Values:
    """Battles won by random buttons: mean 2.8, standard deviation 3.2."""
    spread = 3.2**2
    return generator.negative_binomial(2.8**2 / (spread - 2.8), 2.8 / spread, count).astype(np.float64)


def _sometimes_stuck(generator: Generator, count: int) -> Values:
    """Battles won by a policy that gets stuck in a fifth of its episodes."""
    stuck = generator.random(count) < 0.2
    return np.where(stuck, generator.gamma(2.0, 1.5, count), generator.normal(55.0, 15.0, count))


def _bonus(generator: Generator, count: int) -> Values:
    """Returns where a fifth of the episodes earns a bonus worth five times everything else."""
    return generator.gamma(2.0, 50.0, count) + 500.0 * (generator.random(count) < 0.2)


def _successes(rate: float) -> Draw:
    return lambda generator, count: generator.binomial(1, rate, count).astype(np.float64)


EPISODES: Mapping[str, Law] = {
    "normal (50 ± 15)": Law(lambda g, n: g.normal(50.0, 15.0, n), 50.0),
    "gamma, skewness 1.6": Law(lambda g, n: g.gamma(1.5, 20.0, n), 30.0),
    "exponential, skewness 2": Law(lambda g, n: g.exponential(30.0, n), 30.0),
    "lognormal, skewness 2.3": Law(lambda g, n: g.lognormal(0.0, 0.6, n), exp(0.18)),
    "battles of random buttons": Law(_battles, 2.8),
    "returns of random buttons": Law(_wins, 1.5 + 82 * 0.35),
    "one in five gets stuck": Law(_sometimes_stuck, 0.2 * 3 + 0.8 * 55),
    "one in five gets a bonus": Law(_bonus, 200.0),
}
RUNS: Mapping[str, Law] = {
    "runs alike (50 ± 2)": Law(lambda g, n: g.normal(50.0, 2.0, n), 50.0),
    "runs differ (50 ± 10)": Law(lambda g, n: g.normal(50.0, 10.0, n), 50.0),
    "runs differ, lognormal 0.5": Law(lambda g, n: g.lognormal(3.5, 0.5, n), exp(3.625)),
    "one run in five fails": Law(
        lambda g, n: np.where(g.random(n) < 0.2, g.normal(10, 3, n), g.normal(55, 6, n)), 46.0
    ),
}
SUCCESSES: Mapping[str, Law] = {
    f"rates of runs, beta {a}, {b}": Law(lambda g, n, a=a, b=b: g.beta(a, b, n), a / (a + b))  # type: ignore[misc]
    for a, b in ((200, 50), (20, 20), (8, 2), (2, 2), (1, 9), (1, 50))
}


def share_of(trials: int, holds: Callable[[Generator], bool], seed: int = SEED) -> float:
    """Return the share of ``trials`` in which ``holds`` is true."""
    generator = np.random.default_rng(seed)
    return sum(holds(generator) for _ in range(trials)) / trials


def _holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval[0] <= truth <= interval[1]


def of_means(law: Law, episodes: int, trials: int = TRIALS) -> float:
    """Coverage of one policy's mean."""
    return share_of(trials, lambda g: _holds(mean_interval(law.draw(g, episodes)), law.mean))


def of_greedy_means(law: Law, episodes: int, trials: int = TRIALS) -> float:
    """Coverage of the mean of a greedy policy, which has one distinct episode per wait."""

    def holds(generator: Generator) -> bool:
        played = generator.integers(0, WAITS, episodes)
        values = law.draw(generator, WAITS)[played]
        size = effective_size(np.unique(played, return_counts=True)[1].tolist())
        return _holds(mean_interval(values, size), law.mean)

    return share_of(trials, holds)


def of_rate(rate: float, episodes: int) -> float:
    """Exact coverage of one policy's rate, summed over all outcomes."""
    return sum(
        comb(episodes, hits) * rate**hits * (1 - rate) ** (episodes - hits)
        for hits in range(episodes + 1)
        if _holds(wilson(hits, episodes), rate)
    )


def of_run_means(law: Law, runs: int, episodes: int = 20, trials: int = TRIALS) -> float:
    """Coverage of the mean over runs with gamma-distributed episodes."""

    def holds(generator: Generator) -> bool:
        means = np.maximum(law.draw(generator, runs), 0.01)
        played = [generator.gamma(4.0, mean / 4.0, episodes) for mean in means]
        pooled = mean_interval(np.concatenate(played))
        return _holds(mean_over_runs([float(run.mean()) for run in played], pooled), law.mean)

    return share_of(trials, holds)


def of_run_rates(law: Law, runs: int, episodes: int = 20, trials: int = TRIALS) -> float:
    """Coverage of a rate over runs whose rates differ."""

    def holds(generator: Generator) -> bool:
        hits = generator.binomial(episodes, law.draw(generator, runs))
        return _holds(rate_over_runs((hits / episodes).tolist(), episodes * runs), law.mean)

    return share_of(trials, holds)


def true_improvement(ours: Draw, theirs: Draw, draws: int = 200_000) -> float:
    """Return the probability that a value of ours beats one of theirs."""
    generator = np.random.default_rng(SEED + 1)
    left, right = ours(generator, draws), np.sort(theirs(generator, draws))
    places = np.searchsorted(right, left, "left") + np.searchsorted(right, left, "right")
    return float(places.mean()) / 2 / draws


def of_improvement(ours: Draw, theirs: Draw, episodes: int, trials: int = TRIALS) -> float:
    """Coverage of the probability of improvement of one policy over another."""
    truth = true_improvement(ours, theirs)

    def holds(generator: Generator) -> bool:
        played = ours(generator, episodes), theirs(generator, episodes)
        return _holds(probability_of_improvement(*played)[1], truth)

    return share_of(trials, holds)


def of_run_improvement(gap: float, spread: float, runs: int, trials: int = TRIALS) -> float:
    """Coverage of the probability of improvement over runs. Their means lie ``gap`` above the opponent's with
    standard deviation ``spread``; each plays 20 normal episodes of standard deviation 1."""

    def ours(generator: Generator, count: int) -> Values:
        return generator.normal(gap, np.hypot(1.0, spread), count)

    truth = true_improvement(ours, lambda g, n: g.normal(0.0, 1.0, n))

    def holds(generator: Generator) -> bool:
        played = [generator.normal(mean, 1.0, 20) for mean in generator.normal(gap, spread, runs)]
        return _holds(improvement_over_runs(played, generator.normal(0.0, 1.0, 20))[1], truth)

    return share_of(trials, holds)


def of_medians(arriving: float, episodes: int, trials: int = TRIALS) -> float:
    """Coverage of the median lognormal arrival time, where the share ``arriving`` arrives within the episode.
    An upper end beyond all observed times counts as containing any later time."""
    generator = np.random.default_rng(SEED + 1)
    truth = 200.0
    length = int(np.quantile(truth * generator.lognormal(0.0, 0.8, 200_000), arriving))

    def holds(generator: Generator) -> bool:
        moments = np.ceil(truth * generator.lognormal(0.0, 0.8, episodes)).astype(int).tolist()
        times = [moment if moment <= length else None for moment in moments]
        low, high = median_interval(times, [length] * episodes)
        return (length if low is None else low) <= truth + 1 and (high is None or truth <= high)

    return share_of(trials, holds)


PAIRS: Mapping[str, tuple[Draw, Draw]] = {
    "normal, 0.0 apart": (lambda g, n: g.normal(0, 1, n), lambda g, n: g.normal(0, 1, n)),
    "normal, 0.8 apart": (lambda g, n: g.normal(0.8, 1, n), lambda g, n: g.normal(0, 1, n)),
    "normal, 2.0 apart": (lambda g, n: g.normal(2, 1, n), lambda g, n: g.normal(0, 1, n)),
    "exponential, twice as much": (lambda g, n: g.exponential(2, n), lambda g, n: g.exponential(1, n)),
    "one in five gets stuck, and +10": (lambda g, n: _sometimes_stuck(g, n) + 10, _sometimes_stuck),
    "rare successes, 30 and 10 %": (_successes(0.3), _successes(0.1)),
}


def coverage_text(trials: int = TRIALS) -> str:
    """Return the tables of coverage, in per cent."""
    one = [_row(name, [of_means(law, n, trials) for n in (8, 20, 50)]) for name, law in EPISODES.items()]
    one += [
        _row(f"greedy: {name}", [of_greedy_means(law, n, trials) for n in (8, 20, 50)])
        for name, law in list(EPISODES.items())[:2]
    ]
    rates = [[of_rate(rate, n) for rate in RATES] for n in (8, 20, 50)]
    one += [_row("rate, mean of 5 to 95 %", [float(np.mean(row)) for row in rates])]
    one += [_row("rate, least of 5 to 95 %", [min(row) for row in rates])]
    one += [
        _row(f"beats: {name}", [of_improvement(*pair, n, trials) for n in (8, 20, 50)])
        for name, pair in PAIRS.items()
    ]
    one += [
        _row(f"half by, {100 * share:.0f} % arrive", [of_medians(share, n, trials) for n in (8, 20, 50)])
        for share in (0.6,)
    ]
    several = [
        _row(name, [of_run_means(law, n, 20, trials) for n in (3, 5, 10)]) for name, law in RUNS.items()
    ]
    several += [
        _row(name, [of_run_rates(law, n, 20, trials) for n in (3, 5, 10)]) for name, law in SUCCESSES.items()
    ]
    several += [
        _row(
            f"beats: {gap} above, runs ± {spread}",
            [of_run_improvement(gap, spread, n, trials) for n in (3, 5, 10)],
        )
        for gap, spread in ((0.0, 0.5), (1.0, 0.1), (1.0, 0.5), (2.0, 0.5))
    ]
    return "\n\n".join(
        [
            table([["one policy, episodes:", "8", "20", "50"], *one]),
            table([["several runs of 20 episodes, runs:", "3", "5", "10"], *several]),
        ]
    )


def _row(name: str, shares: Sequence[float]) -> list[str]:
    return [name, *(f"{100 * share:.1f}" for share in shares)]


if __name__ == "__main__":
    print(coverage_text(int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS))
