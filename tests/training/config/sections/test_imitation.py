"""The section "init" and "bc_coef": paths, defaults, and what has no effect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.sections.imitation import InitConfig

INIT = {"demonstrations": "/a/set"}


def test_it_is_off_by_default() -> None:
    config = load_config(None)
    assert config.init is None
    assert not config.imitates
    assert "bc_coef" not in config.schedules()


def test_the_set_is_relative_to_the_config(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"init": {"demonstrations": "sets/one"}}))
    expected = InitConfig(demonstrations=str(tmp_path / "sets" / "one"), epochs=3)
    assert load_config(tmp_path / "a.json", {"init": {"epochs": 3}}).init == expected


def test_the_coefficient_follows_a_schedule() -> None:
    ramp = {"kind": "linear", "start": 0.4, "end": 0.0, "share": 0.5}
    curve = load_config(None, {"init": INIT, "bc_coef": ramp, "total_steps": 1000}).schedules()["bc_coef"]
    assert [curve(step) for step in (0, 250, 500, 1000)] == pytest.approx([0.4, 0.2, 0.0, 0.0])


def test_no_steps_at_all_are_allowed_with_something_to_clone() -> None:
    piecewise = {"kind": "piecewise", "points": [[0, 0.02], [1, 0.01]]}
    config = load_config(None, {"init": INIT, "total_steps": 0, "ent_coef": piecewise})
    assert (config.training_steps, config.planned_steps) == (0, 0)
    assert config.schedules()["ent_coef"](0) == 0.02


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"total_steps": 0}, "total_steps 0 trains nothing"),
        ({"bc_coef": 0.1}, "bc_coef 0.1 has no effect without demonstrations"),
        ({"init": {**INIT, "epochs": 0}}, "init has no effect with epochs 0"),
        ({"init": {}}, "init.demonstrations is missing"),
        ({"init": {"demonstrations": ""}}, 'init.demonstrations "" must not be empty'),
        ({"init": {**INIT, "learning_rate": 0}}, "init.learning-rate 0 is out of range"),
        ({"init": {**INIT, "batch": 1}}, "batch is not a key of --init; did you mean batch_size?"),
        ({"total_steps": -1}, "--total-steps -1 is out of range: must be at least 0"),
    ],
)
def test_what_is_wrong_is_named(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, settings)
    assert line in str(error.value)


def test_imitation_without_cloning_is_something() -> None:
    assert load_config(None, {"init": {**INIT, "epochs": 0}, "bc_coef": 0.1}).imitates
