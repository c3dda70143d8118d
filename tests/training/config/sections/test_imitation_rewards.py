"""The kinds "amp" and "near" of the section "intrinsic"."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.config.sections.imitation_rewards import AmpConfig, NearConfig


def section(**values: Any) -> Any:
    return load_config(None, {"intrinsic": {"demonstrations": "set", **values}}).intrinsic


@pytest.mark.parametrize(
    "values", [{"kind": "amp", "disc_hidden_layers": []}, {"kind": "near", "ema": False, "sigma_level": 3}]
)
def test_it_survives_a_file(values: dict[str, Any]) -> None:
    config = load_config(None, {"intrinsic": {"demonstrations": "set", **values}})
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config


def test_weights_are_those_of_the_methods_and_may_be_schedules() -> None:
    fades = {"kind": "linear", "start": 1, "end": 0}
    amp = section(kind="amp", disc_reward_w=fades, task_reward_w=0.5)
    near = section(kind="near", energy_reward_w=0, task_reward_w=fades)
    assert isinstance(amp, AmpConfig)
    assert isinstance(near, NearConfig)
    assert (amp.learned_weight.end, amp.game_weight) == (0, 0.5)  # type: ignore[union-attr]
    assert (near.learned_weight, near.game_weight.end) == (0, 0)  # type: ignore[union-attr]
    assert not amp.has_value_head


def test_the_set_is_found_beside_the_config(tmp_path: Path) -> None:
    path = tmp_path / "amp.json"
    path.write_text(json.dumps({"intrinsic": {"kind": "amp", "demonstrations": "sets/mine"}}))
    found = load_config(path).intrinsic
    assert isinstance(found, AmpConfig)
    assert found.demonstrations == str(tmp_path / "sets" / "mine")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "amp", "demonstrations": ""}, 'intrinsic.demonstrations "" must not be empty'),
        ({"kind": "amp", "coefficient": 1}, "coefficient is not a key of --intrinsic; known: "),
        (
            {"kind": "amp", "disc_reward_w": -1},
            "disc-reward-w -1 is out of range: must be at least 0",
        ),
        ({"kind": "amp", "disc_loss": "hinge"}, "must be cross_entropy or least_squares"),
        (
            {"kind": "amp", "inputs": ["map"]},
            'amp needs "map", which is not among the "observations"',
        ),
        ({"kind": "amp", "inputs": ["place", "place"]}, "intrinsic.inputs names an observation twice"),
        ({"kind": "amp", "amp_batch_size": 8}, "amp_minibatch_size 256 must be at most amp_batch_size 8"),
        ({"kind": "amp", "amp_replay_keep_prob": 0}, "amp-replay-keep-prob 0 is out of range"),
        ({"kind": "near", "inputs": ["x"]}, 'intrinsic: near needs "x"'),
        ({"kind": "near", "sigma_level": 10}, "sigma_level 10 must be less than L 10, or -1"),
        ({"kind": "near", "sigma_begin": 0.1}, "sigma_begin 0.1 must be above sigma_end 0.1"),
        (
            {"kind": "near", "sigma_level": 0, "level_threshold": 1},
            "level_threshold has no effect with a",
        ),
        ({"kind": "near", "ema": False, "ema_rate": 0.9}, "ema_rate has no effect with ema false"),
        ({"kind": "near", "numObsSteps": 3}, "numObsSteps 3 is out of range: must be at most 2"),
        ({"kind": "near", "demonstration_steps": 9, "demonstration_skip": 8}, "demonstration_skip 8 must be"),
    ],
)
def test_mistakes_are_one_line(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as error:
        section(**values)
    assert said in str(error.value)


def test_a_set_must_be_named() -> None:
    with pytest.raises(ConfigError, match="demonstrations is missing"):
        load_config(None, {"intrinsic": {"kind": "amp"}})
