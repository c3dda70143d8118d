"""Tests of policies that are loaded to play."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.conftest import TINY
from training.checkpoints.reading import CheckpointError
from training.checkpoints.writing import read_checkpoint, save_checkpoint
from training.config.loading import load_config
from training.evaluation.players import load_policy
from training.make_env import make_vec_env
from training.policies.running_moments import RunningMoments
from training.ppo.build import build_model
from training.ppo.pipelined_ppo import PipelinedPPO

CONFIG = {
    **TINY,
    "normalize_value": True,
    "normalize_input": True,
    "reward_scale": 1000,
    "network": {"separate": True},
}


@pytest.fixture(scope="module")
def trained() -> Iterator[PipelinedPPO]:
    """A model after two updates with everything normalised."""
    config = load_config(None, CONFIG)
    model = build_model(config, make_vec_env(config))
    model.learn(128)
    yield model
    assert model.env is not None
    model.env.close()


def test_a_loaded_policy_has_the_statistics_of_its_checkpoint(trained: PipelinedPPO, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(save_checkpoint(trained, tmp_path / "128"))
    assert trained.env is not None
    loaded = load_policy(load_config(None, CONFIG), trained.env, checkpoint)
    moments = [part for part in loaded.policy.modules() if isinstance(part, RunningMoments)]
    counts = [part.count.item() for part in moments]
    assert counts == [128] * 5, "two kinds of inputs of actor and critic, and the values"
    observations = trained.rollout_buffer.observations_at(np.arange(64))
    with torch.no_grad():
        values, log_probs = trained.policy._heads(observations)  # type: ignore[operator]
        found = loaded.policy._heads(observations)  # type: ignore[operator]
    assert torch.equal(found[0], values) and torch.equal(found[1], log_probs)


def test_a_checkpoint_without_statistics_is_refused(trained: PipelinedPPO, tmp_path: Path) -> None:
    whole = read_checkpoint(save_checkpoint(trained, tmp_path / "128"))
    assert trained.env is not None
    name = "value_net.returns.mean"
    without = replace(whole, policy={key: value for key, value in whole.policy.items() if key != name})
    with pytest.raises(CheckpointError, match=re.escape(f"{name} is absent, this config needs ()")):
        load_policy(load_config(None, CONFIG), trained.env, without)
    plain = load_config(None, {**CONFIG, "normalize_value": False})
    with pytest.raises(CheckpointError, match=r"value_net\.rest is \(1,\), this config needs none"):
        load_policy(plain, trained.env, whole)
