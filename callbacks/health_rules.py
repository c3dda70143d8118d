"""When an update is healthy: bounds, findings and advice, without any training around them.

Bounds: approx_kl below 0.05 is good, to 0.1 a warning, above bad; clip_fraction from 0.1 to 0.3 is good,
below 0.1 low, above 0.3 high and above 0.5 bad; explained_variance below 0.3 is bad when it does not rise.
They are compared with the mean over the last updates, not with single points. stable-baselines3's approx_kl
is the mean over the last epoch of an update only, its clip_fraction the mean over all epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["good", "low", "warning", "bad"]
LEVELS: tuple[Level, ...] = get_args(Level)
Verdict = Literal["no updates", "healthy", "warning", "unhealthy"]

KL_WARNING, KL_BAD = 0.05, 0.1
CLIP_LOW, CLIP_HIGH, CLIP_BAD = 0.1, 0.3, 0.5
VARIANCE_BAD, VARIANCE_AIM = 0.3, 0.7
FLAT_UPDATES = 10  # updates after which a low explained variance must at least be rising
WATCHED = ("approx_kl", "clip_fraction", "explained_variance", "entropy_loss", "value_loss", "loss")

LARGE_STEPS = "lower learning_rate, then clip_range, then n_epochs"
SMALL_STEPS = "raise learning_rate, then n_epochs"
WEAK_CRITIC = "raise vf_coef, then n_steps, or scale the rewards down"
NOT_FINITE = "lower learning_rate and max_grad_norm, and look at the scale of the rewards"


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement: which metric, how bad, its value, the bound it is compared with, and what to
    change."""

    metric: str
    level: Level
    value: float
    bound: str
    advice: str

    def __str__(self) -> str:
        text = f"{self.metric} {self.value:.3g} is {self.level} ({self.bound})"
        return f"{text}: {self.advice}" if self.advice else text


def judge_kl(values: Sequence[float]) -> Finding:
    """approx_kl of the last updates."""
    value = _mean(values)
    if value > KL_BAD:
        return Finding("approx_kl", "bad", value, f"above {KL_BAD}", LARGE_STEPS)
    if value >= KL_WARNING:
        return Finding("approx_kl", "warning", value, f"{KL_WARNING} to {KL_BAD}", LARGE_STEPS)
    return Finding("approx_kl", "good", value, f"below {KL_WARNING}", "")


def judge_clip_fraction(values: Sequence[float]) -> Finding:
    """clip_fraction of the last updates."""
    value = _mean(values)
    if value > CLIP_BAD:
        return Finding("clip_fraction", "bad", value, f"above {CLIP_BAD}", LARGE_STEPS)
    if value > CLIP_HIGH:
        return Finding("clip_fraction", "warning", value, f"{CLIP_HIGH} to {CLIP_BAD}", LARGE_STEPS)
    if value < CLIP_LOW:
        return Finding("clip_fraction", "low", value, f"below {CLIP_LOW}", SMALL_STEPS)
    return Finding("clip_fraction", "good", value, f"{CLIP_LOW} to {CLIP_HIGH}", "")


def judge_explained_variance(values: Sequence[float]) -> Finding:
    """explained_variance of the last updates; a low one is bad when the later half is no better than the
    first."""
    value = _mean(values)
    half = len(values) // 2
    flat = len(values) >= FLAT_UPDATES and _mean(values[half:]) <= _mean(values[:half])
    if value < VARIANCE_BAD and flat:
        return Finding("explained_variance", "bad", value, f"below {VARIANCE_BAD} and flat", WEAK_CRITIC)
    if value < VARIANCE_BAD:
        return Finding("explained_variance", "low", value, f"below {VARIANCE_BAD}, still early or rising", "")
    bound = f"aim above {VARIANCE_AIM}" if value < VARIANCE_AIM else f"above {VARIANCE_AIM}"
    return Finding("explained_variance", "good", value, bound, "")


def judge_finite(metric: str, value: float) -> Finding | None:
    """A finding when ``value`` is NaN or infinite. stable-baselines3's explained_variance is NaN when all
    returns are equal, which is no fault of the numbers."""
    if math.isfinite(value) or (metric == "explained_variance" and math.isnan(value)):
        return None
    return Finding(metric, "bad", value, "finite", NOT_FINITE)


def verdict_of(findings: Sequence[Finding], updates: int) -> Verdict:
    """The worst of the findings as one word; ``low`` is worth knowing and no warning."""
    levels = {finding.level for finding in findings}
    if "bad" in levels:
        return "unhealthy"
    if updates == 0:
        return "no updates"
    return "warning" if "warning" in levels else "healthy"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
