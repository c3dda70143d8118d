"""The section "intrinsic": kinds, files beside the config, and what has no effect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.config.sections.intrinsic import CountsConfig, OwnConfig

KINDS = 'must be an object whose "kind" is counts, rnd, reverse, amp, near or FILE.py:CLASS'


def section(**values: Any) -> Any:
    return load_config(None, {"intrinsic": values}).intrinsic


def test_it_is_off_by_default() -> None:
    assert load_config(None).intrinsic is None
    assert not load_config(None).has_intrinsic_head


@pytest.mark.parametrize("values", [{"kind": "counts", "gamma": 0.99, "episodic": False}, {"kind": "a.b:C"}])
def test_it_survives_a_file(values: dict[str, Any]) -> None:
    config = load_config(None, {"intrinsic": values})
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


def test_a_class_is_found_beside_the_config_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "base.json").write_text(json.dumps({"intrinsic": {"kind": "mine.py:Mine"}}))
    (tmp_path / "top.json").write_text(
        json.dumps({"extends": "below/base.json", "intrinsic": {"coefficient": 3}})
    )
    found = load_config(tmp_path / "top.json").intrinsic
    assert found == OwnConfig(kind=f"{tmp_path / 'below' / 'mine.py'}:Mine", coefficient=3.0)


def test_another_kind_replaces_the_section_and_null_switches_it_off(tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    base.write_text(json.dumps({"intrinsic": {"kind": "mine.py:Mine", "coefficient": 3}}))
    assert load_config(base, {"intrinsic": {"kind": "counts"}}).intrinsic == CountsConfig()
    assert load_config(base, {"intrinsic": None}).intrinsic is None


def test_a_coefficient_may_be_a_schedule() -> None:
    assert section(kind="counts", coefficient={"kind": "linear", "start": 1, "end": 0}).coefficient.end == 0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"kind": "count"},
            KINDS,
        ),
        (
            {"kind": "own"},
            KINDS,
        ),
        (
            {"coefficient": 1},
            KINDS,
        ),
        ({"kind": "mine.py:"}, 'intrinsic "mine.py:": must be FILE.py:CLASS or MODULE:CLASS'),
        ({"kind": "counts", "capacity": 1}, "intrinsic.capacity 1 is out of range: must be at least 16"),
        ({"kind": "counts", "betta": 1}, "betta is not a key of --intrinsic; known: capacity, coefficient"),
        ({"kind": "counts", "over": "life"}, 'intrinsic.over "life" must be run or episode'),
        (
            {"kind": "counts", "coefficient": -1},
            "intrinsic.coefficient -1 is out of range: must be at least 0",
        ),
        ({"kind": "counts", "gamma": 1.5}, "intrinsic.gamma 1.5 is out of range: must be at most 1"),
        ({"kind": "counts", "episodic": False}, "episodic false needs gamma"),
        ({"kind": "counts", "extrinsic_coefficient": 2.0}, "extrinsic_coefficient 2 needs gamma"),
        ({"kind": "rnd", "gamma": None}, "intrinsic.gamma null must be a number"),
        ({"kind": "rnd", "inputs": ["map"]}, 'rnd needs "map", which is not among the "observations"'),
        ({"kind": "rnd", "inputs": []}, "intrinsic.inputs [] must not be empty"),
        ({"kind": "a:B", "settings": 5}, "intrinsic.settings 5 must be an object"),
    ],
)
def test_mistakes_are_one_line(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as error:
        section(**values)
    assert said in str(error.value)
