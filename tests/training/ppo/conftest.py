"""Fixtures of the tests of PPO."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from training.config.loading import load_config
from training.make_env import make_vec_env
from training.ppo.build import build_model
from training.ppo.pipelined_ppo import PipelinedPPO

Make = Callable[..., PipelinedPPO]


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """make(**changes): a new model of the module's CONFIG, whose environments are closed after the test."""
    made: list[PipelinedPPO] = []

    def model(**changes: Any) -> PipelinedPPO:
        config = load_config(None, {**request.module.CONFIG, **changes})
        made.append(build_model(config, make_vec_env(config)))
        return made[-1]

    yield model
    for one in made:
        assert one.env is not None
        one.env.close()
