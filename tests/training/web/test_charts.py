"""Charts show the bounds of the health rules."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from callbacks.health import bounds
from callbacks.health.rules import RULES
from callbacks.health.series import MetricSeries
from tests.paths import ROOT
from training.web.charts import COMPARED, HEALTH, Chart

WITH_BOUNDS = [c for c in (*HEALTH, *COMPARED) if c.keys[0].removeprefix("train/") in bounds.ZONES]


def test_every_metric_with_fixed_bounds_has_its_zones_on_both_pages() -> None:
    assert len(WITH_BOUNDS) == 2 * len(bounds.ZONES)


@pytest.mark.parametrize("chart", WITH_BOUNDS, ids=lambda chart: chart.title)
def test_zones_of_a_chart_match_the_rule(chart: Chart) -> None:
    """Just below and above every edge, long enough and late in a run, the rule gives the zone's level."""
    metric = chart.keys[0].removeprefix("train/")
    for begin, end, level in chart.zones:
        for value in (begin and begin + 1e-6, end and end - 1e-6):
            if value is not None:
                series = MetricSeries()
                for _ in range(bounds.TREND):
                    series.add(value)
                finding = RULES[metric]({metric: series}, bounds.VARIANCE_LATE + 1)
                assert finding is not None
                assert finding.level == level, value


@pytest.mark.parametrize("chart", [c for c in WITH_BOUNDS if c.note], ids=lambda chart: chart.title)
def test_the_note_of_a_chart_names_its_edges(chart: Chart) -> None:
    edges = {end for _, end, _ in chart.zones if end is not None}
    numbers = {float(number) for number in re.findall(r"\d+\.\d+", chart.note)}
    assert edges <= numbers
    assert numbers - edges <= {bounds.VARIANCE_AIM}


def test_verdicts_lie_in_zones_of_their_level() -> None:
    (chart,) = [chart for chart in HEALTH if chart.keys == ["health/verdict"]]
    levels = [
        level
        for number in range(len(bounds.VERDICTS))
        for begin, end, level in chart.zones
        if (begin is None or begin < number) and (end is None or number < end)
    ]
    assert levels == ["good", "warning", "bad"]
    assert chart.note == "0 healthy, 1 warning, 2 unhealthy"


def test_charts_need_no_torch() -> None:
    code = "import sys, training.web.charts; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
