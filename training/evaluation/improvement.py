"""Probability of improvement: that an episode of ours beats one of theirs, over episodes and over runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from training.evaluation.intervals import Z_95, Interval, Values, quantile, welch

Improvement = tuple[float, Interval]


def probability_of_improvement(
    ours: Values, theirs: Values, sizes: tuple[int, int] | None = None
) -> Improvement:
    """Return the probability that an episode of ours beats one of theirs, with its 95 % interval.

    The share of pairs with X > Y plus half of those with X = Y. ``sizes`` are the effective sample sizes of
    ours and theirs, if there are repeats. Raises ValueError when a side is empty.

    The statistic is that of Mann and Whitney (1947), recommended by Agarwal, R. et al. (2021), Deep
    Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS, section 4. The interval is
    Student's t on the logit scale (Pepe, M. S. (2003), The Statistical Evaluation of Medical Tests,
    chapter 5), with variance and degrees of freedom of Brunner, E. and Munzel, U. (2000), Biometrical Journal
    42, 17-25; or that of ``newcombe`` where one side wins every pair or nothing varies.
    """
    if not len(ours) or not len(theirs):
        raise ValueError(f"{len(ours)} episodes against {len(theirs)}: both sides need some")
    counts = sizes or (len(ours), len(theirs))
    better = _better(ours, theirs)
    share = float(better.mean())
    parts = [_part(better.mean(axis=1), counts[0]), _part(better.mean(axis=0), counts[1])]
    return share, _on_logit_scale(share, parts) or newcombe(share, *counts)


def improvement_over_runs(
    runs: Sequence[Values], theirs: Values, sizes: tuple[int, int] | None = None
) -> Improvement:
    """Return the probability that an episode of a run of this config beats one of theirs, with its 95 %
    interval.

    The runs are the unit: the variance is that between the runs' probabilities plus that of the opponent's
    episodes, which all runs share. At least as wide as the interval over all episodes. ``sizes``: as above,
    with ours summed over the runs. Raises ValueError when there is no run, or an empty one.
    """
    shares = np.array([probability_of_improvement(run, theirs)[0] for run in runs])
    _, pooled = probability_of_improvement(np.concatenate(runs), theirs, sizes)
    share = float(shares.mean())
    placed = np.mean([_better(run, theirs).mean(axis=0) for run in runs], axis=0)
    others = sizes[1] if sizes else len(theirs)
    between = _on_logit_scale(share, [_part(shares, len(runs)), _part(placed, others)])
    if between is None:
        return share, pooled
    return share, (min(between[0], pooled[0]), max(between[1], pooled[1]))


def _better(ours: Values, theirs: Values) -> Values:
    """Return the result of each pair, shape (ours, theirs): 1 for a win, 0 for a loss, 0.5 for a tie."""
    better: Values = (ours[:, None] > theirs[None, :]) + 0.5 * (ours[:, None] == theirs[None, :])
    return better


def _part(values: Values, count: int) -> tuple[float, int]:
    """Return the variance of ``values`` as a sample of ``count``, and ``count``."""
    return float(values.var()) * count / max(1, count - 1), count


def _on_logit_scale(share: float, parts: Sequence[tuple[float, int]]) -> Interval | None:
    """Return the t interval of ``share`` on the logit scale, or None without variance."""
    if not 0 < share < 1 or min(count for _, count in parts) < 2 or not sum(spread for spread, _ in parts):
        return None
    error, freedom = welch(parts)
    centre = math.log(share / (1 - share))
    half = quantile(freedom) * error / (share * (1 - share))
    return _share(centre - half), _share(centre + half)


def _share(logit: float) -> float:
    return 0.5 + 0.5 * math.tanh(logit / 2)


def newcombe(share: float, ours: int, theirs: int) -> Interval:
    """Return the 95 % score interval of a probability of improvement from ``ours`` and ``theirs`` episodes.

    Newcombe, R. G. (2006), Confidence intervals for an effect size measure based on the Mann-Whitney
    statistic, part 2, Statistics in Medicine 25, 559-573, method 5.
    """
    half = (ours + theirs) / 2 - 1

    def holds(truth: float) -> bool:
        factor = 1 + half * (1 - truth) / (2 - truth) + half * truth / (1 + truth)
        return (truth - share) ** 2 <= Z_95**2 * truth * (1 - truth) * factor / (ours * theirs)

    def end(inside: float, outside: float) -> float:
        for _ in range(60):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if holds(middle) else (inside, middle)
        return inside

    return end(share, 0.0), end(share, 1.0)
