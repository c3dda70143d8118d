"""Tests of the config section "mask", and of MaskablePPO, which stands for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envs.game.masks import MASKS
from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.roles import POLICY
from training.config.schema import TrainConfig
from training.config.sections.mask import MaskConfig


def test_nothing_is_masked_unless_a_config_says_so() -> None:
    assert load_config(None).mask is None and load_config(None).masks == ()
    assert load_config(None, {"mask": {}}).masks == ("start", "wall")
    assert load_config(None, {"mask": {"start": False, "b_outside_battle": True}}).masks == (
        "wall",
        "b_outside_battle",
    )


def test_every_rule_has_a_switch() -> None:
    assert list(MaskConfig.model_fields) == list(MASKS)
    assert "mask" in TrainConfig.keys_with(*POLICY), "a policy is used with the masks that it learned with"


def test_maskable_ppo_is_ppo_with_masks() -> None:
    config = load_config(None, {"algorithm": "MaskablePPO"})
    assert (config.algorithm, config.mask) == ("PPO", MaskConfig())
    chosen = load_config(None, {"algorithm": "MaskablePPO", "mask": {"wall": False}})
    assert chosen.masks == ("start",)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ({"walls": True}, "did you mean wall?"),
        ({"wall": 1}, "mask.wall 1"),
        ({"wall": False, "start": False}, "mask has no effect with every rule false: leave it out"),
        (True, "mask true"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, mask: Any, said: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"mask": mask}))
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert said in str(error.value) and "\n" not in str(error.value)
