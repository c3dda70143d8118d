"""Schedules in configs: their curves, and messages for wrong ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.schedules import Schedule, curve, value_at, values_of

READ = TypeAdapter[Any](Schedule)
numbers = st.floats(1e-6, 10)


def read(value: object) -> Any:
    return READ.validate_json(json.dumps(value), strict=True)


def ramp(kind: str, **more: object) -> Any:
    return read({"kind": kind, "start": 0.1, "end": 0.001, **more})


def test_a_number_is_constant() -> None:
    assert [value_at(read(0.25), steps, 100) for steps in (0, 50, 100, 1000)] == [0.25] * 4


@pytest.mark.parametrize(
    ("kind", "halfway", "quarter"),
    [("linear", 0.0505, 0.07525), ("cosine", 0.0505, 0.08550), ("exponential", 0.01, 0.031623)],
)
def test_ramps(kind: str, halfway: float, quarter: float) -> None:
    schedule = ramp(kind)
    assert value_at(schedule, 500, 1000) == pytest.approx(halfway, rel=1e-3)
    assert value_at(schedule, 250, 1000) == pytest.approx(quarter, rel=1e-3)
    assert value_at(schedule, 0, 1000) == 0.1
    assert value_at(schedule, 1000, 1000) == value_at(schedule, 5000, 1000) == 0.001


def test_a_ramp_over_a_share_or_over_steps() -> None:
    assert value_at(ramp("linear", share=0.5), 500, 1000) == 0.001
    assert value_at(ramp("linear", share=0.5), 250, 1000) == pytest.approx(0.0505)
    assert value_at(ramp("linear", steps=100), 50, 10**9) == pytest.approx(0.0505)
    assert value_at(ramp("linear", steps=100), 100, 10**9) == 0.001


def test_points_over_shares_and_over_steps() -> None:
    shares = read({"kind": "piecewise", "points": [[0.1, 1], [0.5, 3], [1, 2]]})
    assert [value_at(shares, n, 1000) for n in (0, 100, 300, 500, 750, 1000, 2000)] == pytest.approx(
        [1, 1, 2, 3, 2.5, 2, 2]
    )
    steps = read({"kind": "piecewise", "points": [[0, 1], [200, 3], [200, 0.5], [300, 0.5]]})
    assert [value_at(steps, n, 7) for n in (0, 100, 199, 200, 250, 999)] == pytest.approx(
        [1, 2, 2.99, 0.5, 0.5, 0.5]
    )


@given(
    st.sampled_from(["linear", "cosine", "exponential"]),
    numbers,
    numbers,
    st.floats(0.01, 1),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(1, 10**9),
)
def test_a_ramp_never_turns_and_never_leaves_its_ends(
    kind: str, start: float, end: float, share: float, one: int, other: int, total: int
) -> None:
    schedule = read({"kind": kind, "start": start, "end": end, "share": share})
    at = curve(schedule, total)
    earlier, later = at(min(one, other)), at(max(one, other))
    tolerance = 1e-9 * max(start, end)
    assert min(start, end) - tolerance <= later <= max(start, end) + tolerance
    assert (later - earlier) * (end - start) >= -tolerance * max(start, end)


@given(st.lists(st.tuples(st.integers(0, 1000), numbers), min_size=2, max_size=8), st.integers(0, 1500))
def test_points_stay_between_their_values(points: list[tuple[int, float]], steps: int) -> None:
    ordered = [list(point) for point in sorted(points, key=lambda point: point[0])]
    schedule = read({"kind": "piecewise", "points": ordered})
    values = values_of(schedule)
    assert min(values) - 1e-9 <= value_at(schedule, steps, 1000) <= max(values) + 1e-9


@given(st.integers(0, 10**6))
def test_a_stored_schedule_gives_the_same_curve(steps: int) -> None:
    for schedule in (ramp("cosine", share=0.3), ramp("exponential", steps=10**5)):
        again = read(READ.dump_python(schedule, mode="json"))
        assert value_at(again, steps, 10**6) == value_at(schedule, steps, 10**6)


WRONG = [
    ({"learning_rate": {"kind": "linear", "start": 1e-3, "end": 0}}, "learning_rate {", "greater than 0"),
    ({"clip_range": {"kind": "cosine", "start": 0.2, "end": 2}}, "clip_range {", "must be at most 1"),
    ({"ent_coef": {"kind": "linear", "start": 0.1}}, "ent_coef.end is missing", ""),
    ({"ent_coef": {"kind": "linaer", "start": 0.1}}, "ent_coef {", 'whose "kind" is one of linear, cosine'),
    ({"ent_coef": "much"}, 'ent_coef "much" must be a number', ""),
    (
        {"ent_coef": {"kind": "linear", "start": 1, "end": 0, "shar": 1}},
        "shar is not a key of",
        "mean share?",
    ),
    ({"ent_coef": {"kind": "linear", "start": 1, "end": 0, "share": 2}}, "ent_coef.share 2", "at most 1"),
    (
        {"ent_coef": {"kind": "linear", "start": 1, "end": 0, "share": 1, "steps": 5}},
        "share and steps",
        "toge",
    ),
    ({"ent_coef": {"kind": "exponential", "start": 1, "end": 0}}, "start 1.0 and end 0.0", "above 0"),
    ({"ent_coef": {"kind": "piecewise", "points": [[0, 1]]}}, "ent_coef.points [[0, 1]]", "at least 2"),
    ({"ent_coef": {"kind": "piecewise", "points": [[0, 1, 2], [1, 1]]}}, "ent_coef.points.0", "at most 2"),
    ({"ent_coef": {"kind": "piecewise", "points": [[5, 1], [2, 1]]}}, "ent_coef: the posi", "not decrease"),
    ({"ent_coef": {"kind": "piecewise", "points": [[0.5, 1], [9, 1]]}}, "the position 0.5", "whole number"),
    (
        {"ent_coef": {"kind": "linear", "start": 1, "end": 0}, "ent_coef_final": 0.1},
        "ent_coef is already a schedule",
        "left out",
    ),
    ({"health": {"approx_kl": "adpt"}}, 'health.approx_kl "adpt" must be', "log, adapt or stop"),
    ({"health": {"value_loss": "adapt"}}, 'health.value_loss "adapt" must be', "log or stop"),
    ({"health": {"kl": "log"}}, "kl is not a key of", "health"),
    ({"health": {"min_learning_rate": 0.5}}, "min_learning_rate 0.5", "at most max_learning_rate 0.01"),
]


@pytest.mark.parametrize(("settings", "thing", "right"), WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_wrong_schedules_are_refused_in_one_line(
    settings: dict[str, Any], thing: str, right: str, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(settings))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    line = str(caught.value)
    assert thing in line
    assert right in line
    assert "\n" not in line


def test_the_three_coefficients_of_a_config() -> None:
    schedule = {"kind": "piecewise", "points": [[0, 0.3], [1, 0.1]]}
    config = load_config(None, {"total_steps": 1000, "learning_rate": 1e-3, "clip_range": schedule})
    curves = config.schedules()
    assert [curves["clip_range"](n) for n in (0, 500, 1000)] == pytest.approx([0.3, 0.2, 0.1])
    assert [curves["learning_rate"](n) for n in (0, 1000)] == [1e-3, 1e-3]
    assert [curves["ent_coef"](n) for n in (0, 1000)] == [0.01, 0.01]


def test_the_short_form_of_linear_works() -> None:
    short = load_config(None, {"total_steps": 1000, "ent_coef_final": 0.0, "ent_coef_share": 0.5})
    assert [short.schedules()["ent_coef"](n) for n in (0, 250, 500, 999)] == pytest.approx(
        [0.01, 0.005, 0, 0]
    )


def test_a_schedule_replaces_the_extended_one_and_is_stored_in_full(tmp_path: Path) -> None:
    below, above, again = (tmp_path / name for name in ("below.json", "above.json", "again.json"))
    below.write_text(json.dumps({"clip_range": {"kind": "linear", "start": 0.3, "end": 0.1, "steps": 10}}))
    points = {"kind": "piecewise", "points": [[0, 0.3], [1, 0.1]]}
    above.write_text(json.dumps({"extends": "below.json", "clip_range": points}))
    config = load_config(above)
    again.write_text(json.dumps(config.model_dump(mode="json")))
    assert load_config(again).differences(config) == []
    assert load_config(below).differences(config) != []
    assert load_config(above, {"clip_range": 0.2}).clip_range == 0.2
