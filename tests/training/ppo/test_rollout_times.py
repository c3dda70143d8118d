"""Tests of the measured times of rollouts, on the default network and real environments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from stable_baselines3.common.callbacks import BaseCallback

from callbacks.performance import Performance
from tests.training.conftest import TINY
from training.config.loading import load_config
from training.make_env import make_vec_env
from training.ppo.build import build_model
from training.ppo.pipelined_ppo import PipelinedPPO

SHARES = ("perf/inference_share", "perf/emulator_share", "perf/learn_share")
CONFIG = {**TINY, "num_envs": 8, "workers": 2, "n_steps": 64, "batch_size": 128, "max_steps": 100}


class EachCycle(BaseCallback):
    """Keeps what Performance reports for every cycle."""

    def __init__(self, performance: Performance) -> None:
        super().__init__()
        self.performance = performance
        self.cycles: list[dict[str, float]] = []

    def _on_step(self) -> bool:
        return True

    def _keep(self) -> None:
        if self.performance.last:
            self.cycles.append(self.performance.last)

    _on_rollout_start = _on_training_end = _keep


@pytest.fixture
def model() -> Iterator[PipelinedPPO]:
    config = load_config(None, CONFIG)
    model = build_model(config, make_vec_env(config))
    yield model
    assert model.env is not None
    model.env.close()


def test_the_shares_of_a_run_add_up(model: PipelinedPPO) -> None:
    performance = Performance()
    each = EachCycle(performance)
    model.learn(6 * 512, callback=[performance, each])
    assert len(each.cycles) == 6
    shares = {key: sum(cycle[key] for cycle in each.cycles) / 6 for key in SHARES}
    assert 0.9 < sum(shares.values()) <= 1, shares
    assert all(share > 0.02 for share in shares.values()), shares
    assert all(0.02 < cycle["perf/inference_share"] < 1 for cycle in each.cycles)


def test_a_rollout_that_a_callback_stops_is_timed_until_then(model: PipelinedPPO) -> None:
    class Stop(BaseCallback):
        def _on_step(self) -> bool:
            return self.n_calls < 3

    model.learn(512, callback=[Performance(), Stop()])
    times = model.rollout_times
    assert times.inference.seconds > 0
    assert times.waiting.seconds > 0
    assert "step_wait" not in vars(model.env)
    assert "forward" not in vars(model.policy)
