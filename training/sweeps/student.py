"""Intervals from a handful of seeds: Student's t, since two or three numbers say little of their spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance

# Two-sided 95 % quantiles of Student's t for 1, 2, 3 ... degrees of freedom (any table of it has them).
QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
NORMAL = 1.960


def quantile(freedom: float) -> float:
    """The two-sided 95 % quantile for ``freedom`` degrees, rounded down to a whole number (1 at least)."""
    whole = max(1, math.floor(freedom))
    return QUANTILES[whole - 1] if whole <= len(QUANTILES) else NORMAL + 2.5 / whole


def half_width(values: Sequence[float]) -> float | None:
    """Half of the 95 % interval of the mean of ``values``; None for fewer than two."""
    if len(values) < 2:
        return None
    return quantile(len(values) - 1) * math.sqrt(variance(values) / len(values))


def difference(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of mean(ours) - mean(theirs) when spreads may differ; None with one value a side.

    Welch, B. L. (1947), Biometrika 34, 28-35.
    """
    if len(ours) < 2 or len(theirs) < 2:
        return None
    parts = [variance(values) / len(values) for values in (ours, theirs)]
    gap, total = fmean(ours) - fmean(theirs), sum(parts)
    if total == 0:
        return gap, gap
    shares = [part / total / math.sqrt(len(v) - 1) for part, v in zip(parts, (ours, theirs), strict=True)]
    freedom = 1 / sum(share**2 for share in shares)
    half = quantile(freedom) * math.sqrt(total)
    return gap - half, gap + half
