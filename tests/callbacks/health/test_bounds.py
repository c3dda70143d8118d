"""The health bounds: docs/metrics.md and the chart zones agree with the rules."""

from __future__ import annotations

import math

import pytest

from callbacks.adaptive_rate import RATE_STEP
from callbacks.health import bounds as b
from callbacks.health.rules import RULES
from callbacks.health.series import MetricSeries
from tests.paths import ROOT

TEXT = " ".join((ROOT / "docs" / "metrics.md").read_text("utf-8").split())


def cent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def millions(steps: int) -> str:
    return f"{steps // 10**6}M"


SAID = [
    f"| < {b.KL_WARNING} | {b.KL_WARNING} to {b.KL_BAD} | > {b.KL_BAD} |",
    f"| {b.CLIP_LOW} to {b.CLIP_HIGH} | < {b.CLIP_LOW} (low), {b.CLIP_HIGH} to {b.CLIP_BAD} |"
    f" > {b.CLIP_BAD} |",
    f"| aim > {b.VARIANCE_AIM} | < {b.VARIANCE_BAD} while early or rising (low),",
    f"(low), < {b.VARIANCE_POOR} after {millions(b.VARIANCE_LATE)} steps |",
    f"| < {b.VARIANCE_BAD} and flat: under {b.VARIANCE_RISE} more in the newer half of the trend |",
    f"| flat within {cent(1 - b.FLAT_NEAR)} of its highest for {b.TREND} updates; falls by"
    f" {cent(b.DROP_WARNING)} of its highest within {b.SHORT} updates; below {cent(b.COLLAPSED)} of it |",
    f"| falls by {cent(b.DROP_BAD)} within {b.SHORT} updates; below {cent(b.COLLAPSED)} in the first"
    f" {millions(b.COLLAPSE_EARLY)} steps |",
    f"over {b.LOSS_WARNING:g} times the older (low while explained variance is {b.VARIANCE_POOR} or more:",
    f"| over {b.LOSS_BAD:g} times |",
    f"| below {cent(b.SLOWER)} of the run's best | below {cent(b.MUCH_SLOWER)} |",
    f"by {cent(b.GROWTH_WARNING)} and {b.GROWTH_MB:g} MB since the second | by {cent(b.GROWTH_BAD)} |",
    f"| 1 in all of the last {b.WINDOW} updates |",
    f"by the mean of the last {b.WINDOW} updates, entropy and speed by medians, and trends over the last"
    f" {b.TREND} updates, once there are {b.TREND_UPDATES}.",
    f"(a bad finding over at least {b.FEWEST} updates saves",
    f"divides the learning rate by {RATE_STEP} when the mean of the last {b.RATE_PAUSE} updates",
    f"at most every {b.RATE_PAUSE} updates",
    f"KL divergence stays below {b.KL_WARNING}:",
    f"Clip fraction is {b.CLIP_LOW} to {b.CLIP_HIGH}:",
    f"Explained variance reaches {b.VARIANCE_AIM} by {millions(b.AIM_STEPS)} steps:",
    "(0 good or too early to tell, " + ", ".join(f"{n} {word}" for n, word in enumerate(b.LEVELS) if n) + ")",
    "`health/verdict` is " + ", ".join(f"{n} {word}" for n, word in enumerate(b.VERDICTS)),
]


@pytest.mark.parametrize("words", SAID)
def test_the_documentation_has_the_bounds(words: str) -> None:
    assert words in TEXT


def judged(metric: str, value: float) -> str:
    """Return the level of a metric that has been constant for long, late in a run."""
    series = MetricSeries()
    for _ in range(b.TREND):
        series.add(value)
    finding = RULES[metric]({metric: series}, b.VARIANCE_LATE + 1)
    assert finding is not None
    return finding.level


@pytest.mark.parametrize("metric", b.ZONES)
def test_zones_have_the_levels_of_the_rules(metric: str) -> None:
    for begin, end, level in b.ZONES[metric]:
        low = -1.0 if begin is None else begin
        high = low + 1.0 if end is None else end
        for share in (0.001, 0.5, 0.999):
            assert judged(metric, low + share * (high - low)) == level, (metric, share)


@pytest.mark.parametrize("metric", b.ZONES)
def test_zones_cover_every_value_once(metric: str) -> None:
    zones = b.ZONES[metric]
    assert zones[0][0] is None
    assert zones[-1][1] is None
    assert [zone[1] for zone in zones[:-1]] == [zone[0] for zone in zones[1:]]
    inner = [zone[1] for zone in zones[:-1]]
    assert inner == sorted(inner, key=lambda end: math.inf if end is None else end)
