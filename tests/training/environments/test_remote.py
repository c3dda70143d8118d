"""Environments of other machines, made on this one: they begin at the trainer's starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from envs.errors import UserError
from envs.red_env import RedEnv
from training.config import TrainConfig
from training.environments.local import make_env
from training.environments.remote import RemoteMakers
from training.environments.task import resolve_task


def test_several_starts_are_drawn_as_on_the_trainers_machine() -> None:
    task = resolve_task(TrainConfig(rom="embedded", starts={"starter": 1.0, "bedroom": 3.0}))
    makers = RemoteMakers.of(task, record=False)
    (make,) = makers([0], [0])
    drawn = []
    for env in (make(), make_env(task)):
        assert isinstance(env, RedEnv)
        drawn.append([env.reset(seed=seed)[1] for seed in range(12)])
        env.close()
    assert drawn[0] == drawn[1]
    assert {info["start"] for info in drawn[0]} == {"starter", "bedroom"}


def test_another_start_state_is_refused() -> None:
    task = resolve_task(TrainConfig(rom="embedded", starts={"starter": 1.0, "bedroom": 1.0}))
    makers = RemoteMakers.of(task, record=False)
    with pytest.raises(UserError, match="start state bedroom: its SHA-256 is"):
        replace(makers, starts_sha256=(makers.starts_sha256[0], "1" * 64))([0], [0])
