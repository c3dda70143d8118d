"""Settings of other algorithms are refused with what to set instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.config.algorithms import OFF_POLICY
from training.config.files import ConfigError
from training.config.loading import load_config
from training.config.schema import TrainConfig


@pytest.mark.parametrize(("key", "cure"), [("replay_ratio", "set n_epochs"), ("tau", "set gae_lambda")])
def test_off_policy_settings_are_refused_with_the_place(tmp_path: Path, key: str, cure: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({key: 0.5}))
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert str(error.value).startswith(f"{path}: {key} has no effect: PPO ")
    assert cure in str(error.value) and "\n" not in str(error.value)


def test_what_they_advise_exists() -> None:
    for name in ("n_epochs", "gae_lambda", "learning_rate", "clip_range", "target_kl"):
        assert name in TrainConfig.model_fields
        assert any(name in why for why in OFF_POLICY.values())
