"""95 % intervals of means and rates: over the episodes of one policy, and over a few training runs.

The seeds of an evaluation are blocks of random numbers, not strata: the episodes of one policy are one
sample, whatever their seeds. Where some repeat others, ``size`` is the effective sample size
(``effective_size``). docs/evaluation.md lists the coverage of each interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Interval = tuple[float, float]
Z_95 = 1.959964  # two-sided 95 % quantile of the normal distribution
# Two-sided 95 % quantiles of Student's t for 1, 2, 3, ... degrees of freedom (statistical tables).
QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def quantile(freedom: float) -> float:
    """Return the two-sided 95 % quantile of Student's t; ``freedom`` is rounded down to at least 1."""
    # Welch's degrees of freedom of the same samples in another order differ in their last bits.
    whole = max(1, math.floor(freedom + 1e-9))
    return QUANTILES[whole - 1] if whole <= len(QUANTILES) else 1.960 + 2.5 / whole


def half_width(values: Sequence[float]) -> float | None:
    """Return half the width of the 95 % t interval of the mean; None for fewer than two values."""
    if len(values) < 2:
        return None
    return quantile(len(values) - 1) * math.sqrt(variance(values) / len(values))


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Interval | None:
    """Return the 95 % interval of mean(ours) - mean(theirs), allowing unequal variances; None if a side has
    fewer than two values.

    Welch, B. L. (1947), Biometrika 34, 28-35.
    """
    if len(ours) < 2 or len(theirs) < 2:
        return None
    gap = fmean(ours) - fmean(theirs)
    error, freedom = welch([(variance(values), len(values)) for values in (ours, theirs)])
    half = quantile(freedom) * error
    return gap - half, gap + half


def welch(parts: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Return standard error and degrees of freedom of a sum of independent means, each given by the variance
    and number (at least 2) of its values: the Welch-Satterthwaite approximation."""
    squares = [spread / count for spread, count in parts]
    total = sum(squares)
    if total == 0:
        return 0.0, float(min(count for _, count in parts) - 1)
    below = sum(
        (square / total) ** 2 / (count - 1) for square, (_, count) in zip(squares, parts, strict=True)
    )
    return math.sqrt(total), 1 / below


def wilson(hits: float, trials: int) -> Interval:
    """Return the 95 % Wilson score interval of a rate: (low, high), each 0..1; (0, 1) without trials.

    Wilson, E. B. (1927), Journal of the American Statistical Association 22, 209-212.
    """
    if trials == 0:
        return 0.0, 1.0
    return _score(hits / trials, trials, Z_95)


def _score(rate: float, trials: float, z: float) -> Interval:
    """Return Wilson's interval with the quantile ``z``."""
    z2 = z**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = z / (1 + z2 / trials) * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    low = 0.0 if rate == 0 else max(0.0, centre - half)
    high = 1.0 if rate == 1 else min(1.0, centre + half)
    return low, high


def effective_size(repeats: Sequence[int]) -> int:
    """Return the effective sample size of distinct values that occur ``repeats`` times each, rounded down:
    Kish, L. (1965), Survey Sampling, section 11.7."""
    return sum(repeats) ** 2 // sum(count**2 for count in repeats)


def mean_interval(values: Values, size: int | None = None) -> Interval | None:
    """Return the 95 % interval of the mean of one policy's episodes; None when ``size`` is below 2.

    Student's t with Hall's cubic transformation, which removes the skewness of the values: returns are
    skewed, and the plain t interval then covers only 90 to 93 % at 20 episodes.

    Hall, P. (1992), On the Removal of Skewness by Transformation, Journal of the Royal Statistical Society B
    54, 221-228; the skewness is the bias-corrected one (Joanes and Gill 1998, The Statistician 47, 183-189,
    G1). Raises ValueError without values.
    """
    if not len(values):
        raise ValueError("an interval of the mean needs values")
    count = len(values) if size is None else size
    if count < 2:
        return None
    mean = float(values.mean())
    error = math.sqrt(float(values.var()) / (count - 1))
    bend = _skewness(values, count) / math.sqrt(count)
    t = quantile(count - 1)
    return mean - error * _unbent(t, bend), mean - error * _unbent(-t, bend)


def _skewness(values: Values, count: int) -> float:
    """Return the skewness of ``values``, corrected for bias; 0 where it cannot be estimated."""
    spread = float(values.std())
    if count < 3 or spread <= 1e-12 * float(np.abs(values).max()):
        return 0.0
    skewness = float((((values - values.mean()) / spread) ** 3).mean())
    return skewness * math.sqrt(count * (count - 1)) / (count - 2)


def _unbent(t: float, bend: float) -> float:
    """Return the inverse of Hall's cubic x + bend x^2 / 3 + bend^2 x^3 / 27 + bend / 6 at ``t``."""
    if abs(bend) < 1e-6:
        return t
    return 3 * (math.cbrt(1 + bend * (t - bend / 6)) - 1) / bend


def mean_over_runs(means: Sequence[float], pooled: Interval | None) -> Interval | None:
    """Return the 95 % interval of a config's mean from the mean of each of its runs.

    Student's t on the runs' means, since the run is the sampled unit. It is widened to ``pooled``, the
    interval over all episodes as if from one run: a few runs that happen to agree do not add information.
    With a single run it is ``pooled``.
    """
    half = half_width(means)
    if half is None:
        return pooled
    low, high = fmean(means) - half, fmean(means) + half
    return (low, high) if pooled is None else (min(low, pooled[0]), max(high, pooled[1]))


def rate_over_runs(rates: Sequence[float], size: int) -> Interval:
    """Return the 95 % interval of a config's rate from the rate of each of its runs, which have equally many
    episodes, ``size`` in total.

    Wilson's with Student's quantile and the number of trials that has the variance of the runs' mean rate:
    Dean, N. and Pagano, M. (2015), Journal of Survey Statistics and Methodology 3, 484-503. At least as wide
    as Wilson's over all episodes.
    """
    rate = fmean(rates)
    low, high = wilson(rate * size, size)
    if len(rates) < 2 or not 0 < rate < 1:
        return low, high
    between = variance(rates) / len(rates)
    trials = min(size, rate * (1 - rate) / between) if between else size
    least, most = _score(rate, trials, quantile(len(rates) - 1))
    return min(low, least), max(high, most)
