"""Each rule with good and bad cases, and the windows they judge."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbacks.health import rules
from callbacks.health.bounds import TREND
from callbacks.health.run_health import RunHealth
from callbacks.health.series import THINNED, MetricSeries, Thinned, mean
from tests.paths import ROOT

finite = st.floats(-1e6, 1e6)


def series(values: Iterable[float]) -> MetricSeries:
    made = MetricSeries()
    for value in values:
        made.add(value)
    return made


def judged(metric: str, values: Iterable[float], steps: int = 100_000) -> rules.Finding | None:
    return rules.RULES[metric]({metric: series(values)}, steps)


def noisy(values: Iterable[float], seed: int = 0, share: float = 0.02) -> list[float]:
    chance = random.Random(seed)
    return [value * (1 + chance.uniform(-share, share)) for value in values]


PROVOKED = [
    ("approx_kl", [0.0499], "good"),
    ("approx_kl", [0.05], "warning"),
    ("approx_kl", [0.1], "warning"),
    ("approx_kl", [0.101], "bad"),
    ("clip_fraction", [0.09], "low"),
    ("clip_fraction", [0.1], "good"),
    ("clip_fraction", [0.3], "good"),
    ("clip_fraction", [0.4], "warning"),
    ("clip_fraction", [0.51], "bad"),
    ("explained_variance", [0.2], "low"),
    ("explained_variance", [0.5], "good"),
    ("explained_variance", [0.8], "good"),
    ("explained_variance", [0.1] * 20, "bad"),
    ("explained_variance", [0.1] * 19, "low"),
    ("explained_variance", [0.01 * i for i in range(20)], "low"),
    ("entropy", [1.9 - 0.01 * i for i in range(60)], "good"),
    ("entropy", [1.9] * 20 + [1.3] * 3, "warning"),
    ("entropy", [1.9] * 20 + [0.5] * 3, "bad"),
    ("entropy", [1.9 - 0.09 * i for i in range(21)] + [0.01] * 6, "bad"),
    ("entropy", noisy([1.94] * 50, share=0.0005), "warning"),
    ("entropy", noisy([1.94] * 49, share=0.0005), "good"),
    ("entropy", [1.9 - 0.02 * i for i in range(40)] + [1.1] * 50, "good"),
    ("entropy", [1.9] * 20 + [0.2] + [1.9] * 4, "good"),  # a single point is not a sudden drop
    ("value_loss", [3.0] * 10 + [6.1] * 10, "warning"),
    ("value_loss", [3.0] * 10 + [31.0] * 10, "bad"),
    ("value_loss", noisy([5.0 - 0.05 * i for i in range(50)]), "good"),
    ("value_loss", [1.03**i for i in range(50)], "warning"),
    ("value_loss", [3.0] * 19 + [1e9], "good"),
    ("steps_per_second", noisy([1000.0] * 40), "good"),
    ("steps_per_second", noisy([1000.0] * 20 + [500.0] * 10), "warning"),
    ("steps_per_second", noisy([1000.0] * 20 + [200.0] * 10), "bad"),
    ("steps_per_second", [1000.0] * 38 + [1.0, 1000.0], "good"),
    ("memory", noisy([800.0] * 100, share=0.01), "good"),
    ("memory", [500.0, 700.0, 790.0, *[800.0] * 100], "good"),
    ("memory", [800.0 + 3 * i for i in range(100)], "warning"),
    ("memory", [800.0 + 30 * i for i in range(1000)], "bad"),
    ("farm_alarm", [0.0] * 12, "good"),
    ("farm_alarm", [0.0] * 9 + [1.0], "warning"),
    ("farm_alarm", [1.0] * 12, "bad"),
    ("discriminator_accuracy", [0.5] * 20 + [0.7] * 8 + [0.99] * 2, "good"),
    ("discriminator_accuracy", [0.7] * 20 + [0.99] * 3, "warning"),
    ("discriminator_accuracy", [0.99] * 12, "bad"),
    ("discriminator_accuracy", [0.55] * 12, "bad"),
]


@pytest.mark.parametrize(("metric", "values", "level"), PROVOKED, ids=[f"{m}-{v}" for m, _, v in PROVOKED])
def test_what_each_rule_finds(metric: str, values: list[float], level: str) -> None:
    finding = judged(metric, values)
    assert finding is not None
    assert (finding.metric, finding.level) == (metric, level)
    assert (finding.level in ("warning", "bad")) <= bool(finding.advice)


def test_every_rule_has_good_and_bad_cases() -> None:
    for metric in rules.RULES:
        levels = {level for name, _, level in PROVOKED if name == metric}
        assert "bad" in levels
        assert "good" in levels


@pytest.mark.parametrize("metric", ["entropy", "value_loss", "steps_per_second", "memory"])
def test_a_trend_needs_enough_updates(metric: str) -> None:
    assert judged(metric, [100.0, 1.0, 1000.0]) is None


def test_a_late_collapse_and_a_late_value_function() -> None:
    collapsed = [1.9 - 0.09 * i for i in range(21)] + [0.01] * 6
    late = judged("entropy", collapsed, steps=2_000_000)
    assert late is not None
    assert late.level == "warning"
    poor = judged("explained_variance", [0.4] * 10, steps=10_000_001)
    assert poor is not None
    assert (poor.level, poor.bound) == ("warning", "below 0.5 after 10,000,000 steps")


def test_a_value_loss_that_rises_with_the_returns_is_only_low() -> None:
    rising = series([3.0] * 10 + [31.0] * 10)
    explained = {0.8: "low", 0.4: "bad"}
    for variance, level in explained.items():
        kept = {"value_loss": rising, "explained_variance": series([variance] * 20)}
        finding = rules.judge_value_loss(kept, 0)
        assert finding is not None
        assert finding.level == level


@pytest.mark.parametrize(
    ("metric", "values", "order"),
    [
        ("approx_kl", [0.2], ("lower learning_rate", "clip_range", "n_epochs")),
        ("clip_fraction", [0.6], ("lower learning_rate", "clip_range", "n_epochs")),
        ("clip_fraction", [0.01], ("raise learning_rate", "lower clip_range", "raise n_epochs")),
        ("entropy", [1.9] * 20 + [0.5] * 3, ("raise ent_coef", "lower learning_rate", "n_epochs")),
        ("explained_variance", [0.1] * 20, ("raise vf_coef", "n_steps", "scale the rewards")),
        ("value_loss", [3.0] * 10 + [6.1] * 10, ("raise vf_coef", "n_steps", "scale the rewards")),
    ],
)
def test_advice_comes_in_the_order_to_try(metric: str, values: list[float], order: tuple[str, ...]) -> None:
    finding = judged(metric, values)
    assert finding is not None
    places = [finding.advice.index(words) for words in order]
    assert places == sorted(places)
    assert str(finding).startswith(f"{metric} {finding.value:.3g} is {finding.level} ({finding.bound}): ")


def test_values_that_are_not_finite() -> None:
    assert rules.is_broken("loss", math.nan)
    assert rules.is_broken("approx_kl", math.inf)
    assert not rules.is_broken("explained_variance", math.nan)
    assert rules.is_broken("explained_variance", -math.inf)
    assert not rules.is_broken("loss", 1.0)


@given(st.lists(finite, min_size=1, max_size=700))
def test_a_series_is_bounded(values: list[float]) -> None:
    made = series(values)
    assert list(made.recent) == values[-TREND:]
    assert made.mean() == pytest.approx(mean(values[-10:]))
    assert made.count == len(values)
    assert len(made.thinned.points) < THINNED
    older, newer = made.halves()
    assert len(older) == len(newer) <= TREND // 2
    assert older + newer == (values[-TREND:][-2 * len(older) :] if older else [])


@given(st.lists(finite, min_size=1, max_size=700))
def test_thinning_keeps_every_value_of_whole_points(values: list[float]) -> None:
    thinned = Thinned()
    for value in values:
        thinned.add(value)
    kept = thinned.snapshot()
    whole = len(values) - kept["count"]
    total = sum(kept["points"]) * kept["each"] + kept["sum"]
    assert len(kept["points"]) * kept["each"] == whole
    assert total == pytest.approx(math.fsum(values), abs=1e-3)


updates = st.lists(
    st.fixed_dictionaries(
        {"approx_kl": st.floats(0, 0.3), "entropy": st.floats(0, 2), "memory": st.floats(100, 2000)},
        optional={
            "clip_fraction": st.floats(0, 1),
            "explained_variance": st.floats(-1, 1),
            "loss": st.sampled_from([1.0, math.nan, math.inf]),
            "episode_return": finite,
        },
    ),
    max_size=120,
)


@given(updates, st.integers(0, 120))
def test_a_run_restored_from_json_continues_the_same(rows: list[dict[str, float]], cut: int) -> None:
    whole, first, second = RunHealth(), RunHealth(), RunHealth()
    for number, row in enumerate(rows):
        whole.add(number, row)
    for number, row in enumerate(rows[:cut]):
        first.add(number, row)
    second.restore(json.loads(json.dumps(first.snapshot(), allow_nan=False)))
    for number, row in enumerate(rows[cut:], start=len(rows[:cut])):
        second.add(number, row)
    assert list(map(str, second.findings)) == list(map(str, whole.findings))
    assert second.criteria() == whole.criteria()
    assert json.dumps(second.snapshot()) == json.dumps(whole.snapshot())


def test_memory_does_not_grow() -> None:
    run, chance = RunHealth(), random.Random(0)
    names = [*run.series, "loss", "other"]
    sizes = []
    for number in range(3000):
        run.add(number, {name: chance.uniform(0.5, 1.5) for name in names} | {f"odd{number}": math.nan})
        if number in (200, 2999):
            sizes.append(len(json.dumps(run.snapshot())))
    assert sizes[1] < 1.2 * sizes[0]


def test_judging_needs_no_learning_library() -> None:
    """Configs import LearningRateControl, and every program reads configs: importing torch takes seconds."""
    parts = ("rules", "series", "run_health", "report", "learning_rate", "metric_names")
    code = "import sys, " + ", ".join(f"callbacks.health.{part}" for part in parts)
    code += "; print(*{'torch', 'stable_baselines3', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""
