"""The section "reverse_model": values that are refused, and settings without effect."""

from __future__ import annotations

from typing import Any

import pytest

from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.config.sections.reverse_model import ReverseModelConfig


def test_it_is_off_unless_it_is_given_and_survives_a_file() -> None:
    assert load_config(None).reverse_model is None
    config = load_config(None, {"reverse_model": {"coefficient": 0.5}})
    assert config.reverse_model == ReverseModelConfig(coefficient=0.5)
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"reverse_model": {"coefficient": -1.0}}, "coefficient -1.0 is out of range: must be at least 0"),
        ({"reverse_model": {"learning_rate": 0.0}}, "learning-rate 0.0 is out of range: must be greater"),
        ({"reverse_model": {"batch_size": 0}}, "batch-size 0 is out of range: must be at least 1"),
        ({"reverse_model": {"coeff": 1.0}}, "coeff is not a key of --reverse-model"),
        ({"reverse_model": 0.1}, "reverse-model 0.1 must be an object {...}"),
        ({"reverse_model": {}, "total_steps": 0, "init": {"demonstrations": "a"}}, "with total_steps 0: it"),
        ({"intrinsic": {"kind": "reverse"}}, 'intrinsic of kind reverse needs "reverse_model", whose error'),
        ({"reverse_model": {}, "n_steps": 1, "batch_size": 16}, "reverse_model has no effect with n_steps 1"),
    ],
)  # fmt: skip
def test_mistakes_are_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, values)
    assert said in str(error.value) and "\n" not in str(error.value)
