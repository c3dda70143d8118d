"""How sure a figure is: intervals of rates, means and comparisons, and medians of what may never happen.

Values come in groups, one for each seed or run. The bootstrap draws episodes anew within their group
(stratified), and, where groups are themselves a sample (runs of several training seeds), the groups first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Interval = tuple[float, float]
Z_95 = 1.959964  # two-sided 95 % quantile of the normal distribution
TAILS = (2.5, 97.5)  # percentiles between which 95 % lie
RESAMPLES = 2000
SEED = 20_240_607  # of the resampling: the same values have the same interval wherever they are looked at


def wilson(hits: int, trials: int) -> Interval:
    """The 95 % Wilson score interval of a rate: (low, high), each 0..1; (0, 1) without trials.

    Wilson, E. B. (1927), Journal of the American Statistical Association 22, 209-212.
    """
    if trials == 0:
        return 0.0, 1.0
    rate, z2 = hits / trials, Z_95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == trials else min(1.0, centre + half)
    return low, high


def median_time(times: Sequence[int | None], lengths: Sequence[int]) -> float | None:
    """The time by which half of all have got there, by the estimator of Kaplan and Meier; None when fewer
    than half do.

    ``times`` holds when each got there (None: not within its ``lengths``, after which nothing is known of
    it). The median of only those that got there would call a thing quick that nearly nobody manages.

    Kaplan, E. L. and Meier, P. (1958), Journal of the American Statistical Association 53, 457-481.
    """
    ends = [length if time is None else time for time, length in zip(times, lengths, strict=True)]
    still = 1.0
    for moment in sorted({time for time in times if time is not None}):
        watched = sum(end >= moment for end in ends)
        arrived = sum(time == moment for time in times)
        still *= 1 - arrived / watched
        if still <= 0.5 + 1e-12:
            return float(moment)
    return None


def mean_interval(groups: Sequence[Values], *, sampled_groups: bool = False) -> Interval:
    """The 95 % percentile bootstrap interval of the mean of all values.

    ``sampled_groups``: the groups are a sample too (training seeds), and are drawn anew before their values;
    the mean is then that of the groups' means. Raises ValueError without values.
    """
    if not groups or not all(len(group) for group in groups):
        raise ValueError("an interval of the mean needs a value in every group")
    generator = np.random.default_rng(SEED)
    drawn = [_resampled_means(group, generator) for group in groups]
    if sampled_groups:
        chosen = generator.integers(0, len(groups), size=(len(groups), RESAMPLES))
        means = np.take_along_axis(np.stack(drawn), chosen, axis=0).mean(axis=0)
    else:
        sizes = np.array([len(group) for group in groups], dtype=np.float64)
        means = sizes @ np.stack(drawn) / sizes.sum()
    return _between(means)


def _resampled_means(values: Values, generator: np.random.Generator) -> Values:
    """The means (RESAMPLES,) of as many draws with replacement, of the size of ``values`` each."""
    means: Values = values[generator.integers(0, len(values), size=(RESAMPLES, len(values)))].mean(axis=1)
    return means


def probability_of_improvement(ours: Sequence[Values], theirs: Sequence[Values]) -> tuple[float, Interval]:
    """How probable it is that an episode of ours beats one of theirs, with its 95 % interval.

    The share of pairs with X > Y, half of the pairs with X = Y added, within each group, then the mean over
    groups; the stratified bootstrap draws both sides anew within each group. Raises ValueError when the
    groups are not as many, or one is empty.

    Agarwal, R. et al. (2021), Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS;
    the statistic is that of Mann and Whitney (1947).
    """
    if len(ours) != len(theirs) or not ours or not all(len(group) for group in [*ours, *theirs]):
        raise ValueError(f"{len(ours)} groups against {len(theirs)}: as many are needed, none of them empty")
    generator = np.random.default_rng(SEED)
    shares, draws = [], np.zeros(RESAMPLES)
    for xs, ys in zip(ours, theirs, strict=True):
        better: Values = (xs[:, None] > ys[None, :]) + 0.5 * (xs[:, None] == ys[None, :])
        shares.append(float(better.mean()))
        draws += _resampled_pairs(better, generator)
    return float(np.mean(shares)), _between(draws / len(ours))


def _resampled_pairs(better: Values, generator: np.random.Generator) -> Values:
    """The mean over pairs (RESAMPLES,), rows and columns each drawn anew with replacement."""
    height, width = better.shape
    rows = generator.multinomial(height, np.full(height, 1 / height), size=RESAMPLES)
    columns = generator.multinomial(width, np.full(width, 1 / width), size=RESAMPLES)
    means: Values = np.einsum("ki,ij,kj->k", rows, better, columns, optimize=True) / better.size
    return means


def _between(draws: Values) -> Interval:
    low, high = np.percentile(draws, TAILS)
    return float(low), float(high)
