"""Health of a run, update by update: series, findings, worst findings, and success criteria.

It is independent of the source of the metrics: a training callback or a folder of TensorBoard files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callbacks.health import rules
from callbacks.health.bounds import (
    AIM_STEPS,
    CLIP_HIGH,
    CLIP_LOW,
    FEWEST,
    INSIDE_SHARE,
    KL_WARNING,
    LEVELS,
    TREND_UPDATES,
    VARIANCE_AIM,
    Verdict,
)
from callbacks.health.rules import RULES, Finding
from callbacks.health.series import MetricSeries, mean

# Metrics that are kept besides those that have a rule.
PROGRESS = ("episode_return", "battles_started")
LATER = ("discriminator_accuracy",)
"""Metrics that checkpoints of older versions lack."""
EARLY = "too early"
MAX_BROKEN = 20  # most metrics reported as NaN or infinite


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of a well-tuned run. ``met`` is None while it cannot be judged."""

    name: str
    met: bool | None
    text: str

    def __str__(self) -> str:
        return f"[{'-' if self.met is None else 'x' if self.met else ' '}] {self.name}: {self.text}"


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst finding of a metric, and the step count at which it occurred."""

    finding: Finding
    steps: int

    def __str__(self) -> str:
        return f"at step {self.steps:,}: {self.finding}"


class RunHealth:
    """Accumulates updates in constant memory."""

    def __init__(self) -> None:
        self.updates = self.steps = 0
        self.series = {name: MetricSeries() for name in (*RULES, *PROGRESS)}
        self.findings: list[Finding] = []
        self.worst: dict[str, Worst] = {}
        self.broken: dict[str, Worst] = {}
        self._kl_highest = -math.inf
        self._clip_inside = self._sudden = 0
        self._variance_reached: int | None = None

    def means(self) -> dict[str, float]:
        """Return the moving mean of each metric that has values, over the last WINDOW updates."""
        return {name: series.mean() for name, series in self.series.items() if series.count}

    @property
    def verdict(self) -> Verdict:
        """The verdict as of the last update."""
        return rules.verdict_of(self.findings, self.updates)

    def add(self, steps: int, values: Mapping[str, float]) -> None:
        """Add the metrics of an update that ended at ``steps``.

        Metrics outside RULES and PROGRESS are only checked for NaN and infinity.
        """
        self.updates += 1
        self.steps = steps
        for name, value in values.items():
            if rules.is_broken(name, value):
                self.add_broken(name, value)
            elif name in self.series and math.isfinite(value):
                self.series[name].add(value)
        self._judge()
        self._count(values)

    def add_broken(self, metric: str, value: float) -> None:
        """Record that ``metric`` is NaN or infinite. Only the first occurrence is kept."""
        if metric not in self.broken and len(self.broken) < MAX_BROKEN:
            self.broken[metric] = Worst(rules.broken(metric, value), self.steps)
        self.findings = [*self._broken_findings(), *(f for f in self.findings if f.metric in RULES)]

    def _broken_findings(self) -> list[Finding]:
        return [worst.finding for worst in self.broken.values()]

    def _judge(self) -> None:
        judged = [rule(self.series, self.steps) for name, rule in RULES.items() if self.series[name].count]
        found = [finding for finding in judged if finding is not None]
        self.findings = [*self._broken_findings(), *found]
        for finding in found:
            before = self.worst.get(finding.metric)
            if before is None or LEVELS.index(finding.level) > LEVELS.index(before.finding.level):
                self.worst[finding.metric] = Worst(finding, self.steps)

    def _count(self, values: Mapping[str, float]) -> None:
        """Update the statistics that the criteria need. Metrics missing from ``values`` are skipped."""
        if "approx_kl" in values and self.series["approx_kl"].count:
            self._kl_highest = max(self._kl_highest, self.series["approx_kl"].mean())
        if "clip_fraction" in values and self.series["clip_fraction"].count:
            inside = CLIP_LOW <= self.series["clip_fraction"].mean() <= CLIP_HIGH
            self._clip_inside += inside
        variance = self.series["explained_variance"]
        if self._variance_reached is None and variance.count and variance.mean() > VARIANCE_AIM:
            self._variance_reached = self.steps
        entropy = next((f for f in self.findings if f.metric == "entropy"), None)
        self._sudden += entropy is not None and entropy.advice == rules.CERTAIN

    def criteria(self) -> list[Criterion]:
        """Return the five criteria of a well-tuned run."""
        return [self._kl(), self._clip(), self._variance(), self._entropy(), self._progress()]

    def _kl(self) -> Criterion:
        name = f"KL divergence stays below {KL_WARNING}"
        if not self.series["approx_kl"].count:
            return Criterion(name, None, "no approx_kl")
        if self.series["approx_kl"].count < FEWEST:
            return Criterion(name, None, f"{EARLY}: fewer than {FEWEST} updates")
        value = self._kl_highest
        return Criterion(name, value < KL_WARNING, f"highest moving mean {value:.3g}")

    def _clip(self) -> Criterion:
        name = f"clip fraction is {CLIP_LOW} to {CLIP_HIGH}"
        count = self.series["clip_fraction"].count
        if not count:
            return Criterion(name, None, "no clip_fraction")
        if count < FEWEST:
            return Criterion(name, None, f"{EARLY}: fewer than {FEWEST} updates")
        share = self._clip_inside / count
        now = self.series["clip_fraction"].mean()
        return Criterion(name, share >= INSIDE_SHARE, f"in {share:.0%} of the updates, {now:.3g} at the end")

    def _variance(self) -> Criterion:
        name = f"explained variance reaches {VARIANCE_AIM} by {AIM_STEPS // 10**6}M steps"
        if not self.series["explained_variance"].count:
            return Criterion(name, None, "no explained_variance")
        if self._variance_reached is not None:
            return Criterion(name, self._variance_reached <= AIM_STEPS, f"at step {self._variance_reached:,}")
        now = f"{self.series['explained_variance'].mean():.3g} at the end"
        if self.steps < AIM_STEPS:
            return Criterion(name, None, f"{EARLY}: {now}, after {self.steps:,} steps")
        return Criterion(name, False, now)

    def _entropy(self) -> Criterion:
        name = "entropy falls smoothly"
        quarters = self.series["entropy"].thinned.quarters()
        if quarters is None or self.series["entropy"].count < TREND_UPDATES:
            return Criterion(name, None, f"{EARLY}: fewer than {TREND_UPDATES} updates")
        first, last = mean(quarters[0]), mean(quarters[-1])
        sudden = f", sudden or near zero in {self._sudden:,} updates" if self._sudden else ""
        text = f"from {first:.3g} in the first quarter to {last:.3g} in the last{sudden}"
        return Criterion(name, last < first and not self._sudden, text)

    def _progress(self) -> Criterion:
        name = "returns and battles rise"
        parts = [
            (words, rises(self.series[key]))
            for key, words in zip(PROGRESS, ("returns", "battles"), strict=True)
        ]
        known = [(words, change) for words, change in parts if change is not None]
        if not known:
            return Criterion(
                name, None, f"{EARLY}: fewer than {TREND_UPDATES} updates after an episode ended"
            )
        text = ", ".join(f"{words} from {c.first:.3g} to {c.last:.3g}" for words, c in known)
        return Criterion(name, all(change.rises for _, change in known), text)

    def snapshot(self) -> dict[str, Any]:
        """Return the complete state, as JSON values."""
        return {
            "updates": self.updates,
            "steps": self.steps,
            "series": {name: series.snapshot() for name, series in self.series.items()},
            "worst": {name: [_plain(w.finding), w.steps] for name, w in self.worst.items()},
            "broken": {name: [_plain(w.finding), w.steps] for name, w in self.broken.items()},
            "kl_highest": self._kl_highest if math.isfinite(self._kl_highest) else None,
            "clip_inside": self._clip_inside,
            "sudden": self._sudden,
            "variance_reached": self._variance_reached,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``."""
        self.updates, self.steps = int(snapshot["updates"]), int(snapshot["steps"])
        for name, series in self.series.items():
            if name in snapshot["series"] or name not in LATER:
                series.restore(snapshot["series"][name])
        self.worst = {name: Worst(_finding(f), int(n)) for name, (f, n) in snapshot["worst"].items()}
        self.broken = {name: Worst(_finding(f), int(n)) for name, (f, n) in snapshot["broken"].items()}
        highest = snapshot["kl_highest"]
        self._kl_highest = -math.inf if highest is None else float(highest)
        self._clip_inside, self._sudden = int(snapshot["clip_inside"]), int(snapshot["sudden"])
        self._variance_reached = snapshot["variance_reached"]
        self._judge()


@dataclass(frozen=True, slots=True)
class Change:
    """Means of the first and last quarter of a run, and whether they count as a rise."""

    first: float
    last: float
    rises: bool


def rises(series: MetricSeries) -> Change | None:
    """Return whether the last quarter exceeds the first by more than the run's own standard deviation.

    None while there are too few points.
    """
    quarters = series.thinned.quarters()
    if quarters is None or series.count < TREND_UPDATES:
        return None
    points = [point for quarter in quarters for point in quarter]
    middle = mean(points)
    spread = math.sqrt(mean([(point - middle) ** 2 for point in points]))
    first, last = mean(quarters[0]), mean(quarters[-1])
    return Change(first, last, last > first and last - first > spread)


def _plain(finding: Finding) -> list[str]:
    # The value as text, because JSON has no NaN; repr() is lossless.
    return [finding.metric, finding.level, repr(finding.value), finding.bound, finding.advice]


def _finding(plain: Sequence[Any]) -> Finding:
    metric, level, value, bound, advice = plain
    return Finding(metric, LEVELS[LEVELS.index(level)], float(value), bound, advice)
