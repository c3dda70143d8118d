"""Rules that judge the metrics of a run and advise what to change.

A rule is a function of the series by metric (its own must hold a value) and the step count. Rules judge
moving windows, never single points. Advice names settings in the order to try them, one change at a time.
The bounds are in bounds.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from callbacks.health.bounds import (
    ACCURACY_HIGH,
    ACCURACY_LOW,
    ACCURACY_SHARE,
    CLIP_BAD,
    CLIP_HIGH,
    CLIP_LOW,
    COLLAPSE_EARLY,
    COLLAPSED,
    DROP_BAD,
    DROP_WARNING,
    FEWEST,
    FLAT_CHANGE,
    FLAT_NEAR,
    GROWTH_BAD,
    GROWTH_MB,
    GROWTH_WARNING,
    KL_BAD,
    KL_WARNING,
    LOSS_BAD,
    LOSS_WARNING,
    MUCH_SLOWER,
    SHORT,
    SLOWER,
    TREND,
    TREND_UPDATES,
    VARIANCE_AIM,
    VARIANCE_BAD,
    VARIANCE_LATE,
    VARIANCE_POOR,
    VARIANCE_RISE,
    WINDOW,
    Level,
    Verdict,
)
from callbacks.health.series import MetricSeries, mean

LARGE_STEPS = "lower learning_rate, then clip_range, then n_epochs"
SMALL_STEPS = "safe; if learning is slow, raise learning_rate, then lower clip_range, then raise n_epochs"
WEAK_CRITIC = "raise vf_coef, then n_steps, or scale the rewards down (reward_scale, or normalize_value)"
CERTAIN = "raise ent_coef, then lower learning_rate, then n_epochs"
UNDECIDED = "lower ent_coef, then raise learning_rate, then n_epochs"
NOT_FINITE = "lower learning_rate and max_grad_norm, and check the scale of the rewards"
SLOW = "check for other programs and overheating, then lower num_envs or workers"
LEAK = "lower num_envs and n_steps if memory runs out, and stop and --resume to free it"
FARMED = "lower the coefficient of the component that pays, or raise those of milestones"


TOO_CERTAIN = "raise disc_grad_penalty, then lower disc_learning_rate: a sure discriminator pays all alike"
TOO_WEAK = "lower disc_grad_penalty, then raise disc_learning_rate, or give other inputs"


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement: the metric, its level and value, the bound it was compared with, and advice."""

    metric: str
    level: Level
    value: float
    bound: str
    advice: str

    def __str__(self) -> str:
        text = f"{self.metric} {self.value:.3g} is {self.level} ({self.bound})"
        return f"{text}: {self.advice}" if self.advice else text


Kept = Mapping[str, MetricSeries]
Rule = Callable[[Kept, int], Finding | None]


def judge_kl(kept: Kept, steps: int) -> Finding:
    """Compare the moving mean with the bounds of the KL divergence."""
    series = kept["approx_kl"]
    value = series.mean()
    if value > KL_BAD:
        return Finding("approx_kl", "bad", value, f"above {KL_BAD}", LARGE_STEPS)
    if value >= KL_WARNING:
        return Finding("approx_kl", "warning", value, f"{KL_WARNING} to {KL_BAD}", LARGE_STEPS)
    return Finding("approx_kl", "good", value, f"below {KL_WARNING}", "")


def judge_clip_fraction(kept: Kept, steps: int) -> Finding:
    """Compare the moving mean with the bounds of the clip fraction."""
    series = kept["clip_fraction"]
    value = series.mean()
    if value > CLIP_BAD:
        return Finding("clip_fraction", "bad", value, f"above {CLIP_BAD}", LARGE_STEPS)
    if value > CLIP_HIGH:
        return Finding("clip_fraction", "warning", value, f"{CLIP_HIGH} to {CLIP_BAD}", LARGE_STEPS)
    if value < CLIP_LOW:
        return Finding("clip_fraction", "low", value, f"below {CLIP_LOW}", SMALL_STEPS)
    return Finding("clip_fraction", "good", value, f"{CLIP_LOW} to {CLIP_HIGH}", "")


def judge_explained_variance(kept: Kept, steps: int) -> Finding:
    """Judge the moving mean. A low one is bad when it is flat, and a warning late in a run."""
    series = kept["explained_variance"]
    value = series.mean()
    older, newer = series.halves()
    flat = len(series.recent) >= TREND_UPDATES and mean(newer) - mean(older) < VARIANCE_RISE
    name = "explained_variance"
    if value < VARIANCE_BAD and flat:
        return Finding(name, "bad", value, f"below {VARIANCE_BAD} and flat", WEAK_CRITIC)
    if value < VARIANCE_POOR and steps > VARIANCE_LATE:
        bound = f"below {VARIANCE_POOR} after {VARIANCE_LATE:,} steps"
        return Finding(name, "warning", value, bound, WEAK_CRITIC)
    if value < VARIANCE_BAD:
        return Finding(name, "low", value, f"below {VARIANCE_BAD}, still early or rising", "")
    bound = f"aim above {VARIANCE_AIM}" if value < VARIANCE_AIM else f"above {VARIANCE_AIM}"
    return Finding(name, "good", value, bound, "")


def judge_entropy(kept: Kept, steps: int) -> Finding | None:
    """Judge whether the policy's entropy (nats) collapsed, fell suddenly, or stays flat at its highest."""
    series = kept["entropy"]
    if series.count < WINDOW:
        return None
    now, highest = series.median(SHORT), series.highest
    if 0 <= now < COLLAPSED * highest:
        level: Level = "bad" if steps < COLLAPSE_EARLY else "warning"
        bound = f"collapsed: below {COLLAPSED:.0%} of its highest, {highest:.3g}"
        return Finding("entropy", level, now, bound, CERTAIN)
    drop = median(series.last(2 * SHORT)[:SHORT]) - now
    if drop > DROP_WARNING * abs(highest):
        level = "bad" if drop > DROP_BAD * abs(highest) else "warning"
        bound = f"fell by {drop:.3g} within {SHORT} updates, its highest is {highest:.3g}"
        return Finding("entropy", level, now, bound, CERTAIN)
    if _flat_at_the_top(series):
        bound = f"flat near its highest, {highest:.3g}, for {TREND} updates"
        return Finding("entropy", "warning", now, bound, UNDECIDED)
    return Finding("entropy", "good", now, "neither sudden, nor flat, nor near zero", "")


def _flat_at_the_top(series: MetricSeries) -> bool:
    if len(series.recent) < TREND or series.highest <= 0:
        return False
    older, newer = series.halves()
    still = abs(mean(newer) - mean(older)) < FLAT_CHANGE * series.highest
    return still and series.median() > FLAT_NEAR * series.highest


def judge_value_loss(kept: Kept, steps: int) -> Finding | None:
    """Compare the medians of the newer and older half of a trend.

    A rise is only "low" while explained variance is good: the returns have grown, and the errors with them.
    """
    series = kept["value_loss"]
    older, newer = series.halves()
    if len(older) + len(newer) < TREND_UPDATES or median(older) <= 0:
        return None
    value = median(newer)
    times = value / median(older)
    variance = kept.get("explained_variance")
    if times > LOSS_WARNING and variance is not None and variance.count and variance.mean() >= VARIANCE_POOR:
        bound = f"{times:.1f} times what it was, as returns grow: explained_variance is {variance.mean():.2g}"
        return Finding("value_loss", "low", value, bound, "")
    if times > LOSS_WARNING:
        level: Level = "bad" if times > LOSS_BAD else "warning"
        bound = f"rising: {times:.1f} times that of {len(newer)} updates before"
        return Finding("value_loss", level, value, bound, WEAK_CRITIC)
    return Finding("value_loss", "good", value, f"below {LOSS_WARNING:g} times what it was", "")


def judge_speed(kept: Kept, steps: int) -> Finding | None:
    """Compare the moving median of steps/s with its highest value in the run."""
    series = kept["steps_per_second"]
    if series.count < TREND_UPDATES:
        return None
    value, highest = series.median(), series.highest
    for share, level in ((MUCH_SLOWER, "bad"), (SLOWER, "warning")):
        if value < share * highest:
            bound = f"below {share:.0%} of the run's best, {highest:,.0f}"
            return Finding("steps_per_second", "bad" if level == "bad" else "warning", value, bound, SLOW)
    return Finding("steps_per_second", "good", value, f"the run's best is {highest:,.0f}", "")


def judge_memory(kept: Kept, steps: int) -> Finding | None:
    """Judge whether resident memory (MB) rose in every quarter of the run."""
    series = kept["memory"]
    quarters = series.thinned.quarters()
    if quarters is None or series.count < TREND_UPDATES:
        return None
    first, second, third, fourth = map(median, quarters)
    growth, value = fourth - second, series.median()
    rising = first < second < third < fourth and growth > GROWTH_MB
    if rising and growth > GROWTH_WARNING * second:
        level: Level = "bad" if growth > GROWTH_BAD * second else "warning"
        text = f"rising: {growth:,.0f} MB more than in the second quarter of the run"
        return Finding("memory", level, value, text, LEAK)
    return Finding("memory", "good", value, f"not rising by more than {GROWTH_WARNING:.0%}", "")


def judge_farm_alarm(kept: Kept, steps: int) -> Finding:
    """Judge the share of the last updates in which the farm alarm was on (0 or 1 each)."""
    series = kept["farm_alarm"]
    value = series.mean()
    if series.last()[-1] > 0:
        level: Level = "bad" if value == 1 and series.count >= WINDOW else "warning"
        return Finding("farm_alarm", level, value, f"share of the last {WINDOW} updates", FARMED)
    return Finding("farm_alarm", "good", value, "off now", "")


def judge_discriminator(kept: Kept, steps: int) -> Finding | None:
    """Compare the share of the last updates in which AMP's discriminator was neither sure nor guessing."""
    series = kept["discriminator_accuracy"]
    latest, value = series.last(), series.mean()
    if len(latest) < FEWEST:
        return None
    inside = sum(ACCURACY_LOW <= accuracy <= ACCURACY_HIGH for accuracy in latest) / len(latest)
    bound = f"{ACCURACY_LOW} to {ACCURACY_HIGH} in {inside:.0%} of the last updates"
    if inside >= ACCURACY_SHARE:
        return Finding("discriminator_accuracy", "good", value, bound, "")
    certain = sum(accuracy > ACCURACY_HIGH for accuracy in latest)
    weak = sum(accuracy < ACCURACY_LOW for accuracy in latest)
    advice = TOO_CERTAIN if certain >= weak else TOO_WEAK
    level: Level = "warning" if inside or len(latest) < WINDOW else "bad"
    return Finding("discriminator_accuracy", level, value, bound, advice)


RULES: dict[str, Rule] = {
    "approx_kl": judge_kl,
    "clip_fraction": judge_clip_fraction,
    "explained_variance": judge_explained_variance,
    "entropy": judge_entropy,
    "value_loss": judge_value_loss,
    "steps_per_second": judge_speed,
    "memory": judge_memory,
    "farm_alarm": judge_farm_alarm,
    "discriminator_accuracy": judge_discriminator,
}
"""The rule of each metric, in the order in which findings are listed."""


def is_broken(metric: str, value: float) -> bool:
    """Whether ``value`` is NaN or infinite and should not be.

    stable-baselines3's explained_variance is NaN when all returns are equal, which is not an error.
    """
    return not (math.isfinite(value) or (metric == "explained_variance" and math.isnan(value)))


def broken(metric: str, value: float) -> Finding:
    """Return the finding for a value that is NaN or infinite."""
    return Finding(metric, "bad", value, "finite", NOT_FINITE)


def verdict_of(findings: Sequence[Finding], updates: int) -> Verdict:
    """Return the verdict for the worst of the findings. Level ``low`` does not affect it."""
    levels = {finding.level for finding in findings}
    if "bad" in levels:
        return "unhealthy"
    if updates == 0:
        return "no updates"
    return "warning" if "warning" in levels else "healthy"
