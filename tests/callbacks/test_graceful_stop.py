"""Graceful stops: real signals to this process while a real PPO learns on real games."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from callbacks.graceful_stop import GracefulStop, Haltable
from tests.training.conftest import TINY
from training.config.loading import load_config
from training.make_env import make_vec_env
from training.ppo.build import build_model
from training.ppo.pipelined_ppo import PipelinedPPO

ROLLOUT, MIDDLE, STEPS = 64, 100, 256
"""Steps of a rollout, some in the middle of the second one, and all that are wanted."""
Learn = Callable[..., Any]
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Between(BaseCallback):
    """Calls ``halt_if_asked`` between two rollouts, after all other callbacks, as CheckpointCallback does."""

    def __init__(self, stop: GracefulStop) -> None:
        super().__init__()
        self.stop = stop

    def _on_rollout_start(self) -> None:
        self.stop.halt_if_asked()

    def _on_step(self) -> bool:
        return True


class At(BaseCallback):
    """Calls a function once a number of steps is reached; ``seen`` is the actual number."""

    def __init__(self, steps: int, act: Callable[[], object]) -> None:
        super().__init__()
        self.steps, self.act, self.seen = steps, act, 0

    def _on_step(self) -> bool:
        if not self.seen and self.num_timesteps >= self.steps:
            self.seen = self.num_timesteps
            self.act()
        return True


def send(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.fixture(scope="module")
def env() -> Iterator[VecEnv]:
    """Two games."""
    made = make_vec_env(load_config(None, TINY))
    yield made
    made.close()


@pytest.fixture
def model(env: VecEnv) -> PipelinedPPO:
    """An untrained model."""
    return build_model(load_config(None, TINY), env)


def train(model: PPO, stop: GracefulStop, at: int, act: Callable[[], object]) -> At:
    """Learn from STEPS steps with ``act()`` in the middle."""
    middle = At(at, act)
    with stop:
        model.learn(STEPS, callback=[stop, middle, Between(stop)], reset_num_timesteps=False)
    return middle


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_training_after_the_current_update(model: PipelinedPPO, number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in SIGNALS]
    stop = GracefulStop()
    train(model, stop, MIDDLE, send(number))
    assert (stop.reason, stop.signal) == (number.name, number.name)
    assert (model.num_timesteps, stop.learned_steps, stop.dropped_steps) == (2 * ROLLOUT, 2 * ROLLOUT, 0)
    assert model._n_updates == 2
    assert [signal.getsignal(one) for one in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_aborts_a_rollout_that_may_be_cut_short(
    model: PipelinedPPO, env: VecEnv, number: signal.Signals
) -> None:
    stop = GracefulStop()
    stop.cut_short = True
    middle = train(model, stop, MIDDLE, send(number))
    assert stop.signal == number.name
    assert (model.num_timesteps, stop.learned_steps) == (ROLLOUT, ROLLOUT), "as when the rollout began"
    assert 0 < middle.seen - ROLLOUT <= stop.dropped_steps < ROLLOUT
    assert model._n_updates == 1
    again = build_model(load_config(None, TINY), env)
    train(again, GracefulStop(), MIDDLE, lambda: None)
    assert again.num_timesteps == STEPS, "the environments can be used as before"


def test_a_closed_terminal_changes_nothing_under_nohup(model: PipelinedPPO) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop = GracefulStop()
        train(model, stop, MIDDLE, send(signal.SIGHUP))
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (stop.reason, stop.signal, model.num_timesteps) == (None, None, STEPS)


def test_a_second_ctrl_c_does_not_wait(model: PipelinedPPO) -> None:
    stop = GracefulStop()

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        while stop.signal is None:  # handlers run between two bytecodes
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(model, stop, MIDDLE, twice)
    assert stop.reason == "SIGINT"
    assert signal.getsignal(signal.SIGINT) == before


def test_the_first_reason_is_kept(model: PipelinedPPO) -> None:
    stop = GracefulStop(stop_after=MIDDLE)

    def ask() -> None:
        stop.request("a finding")
        stop.request("another")
        os.kill(os.getpid(), signal.SIGTERM)

    train(model, stop, MIDDLE, ask)
    assert stop.reason == "a finding"
    assert stop.signal == "SIGTERM", "which a course of several runs must not miss"
    assert model.num_timesteps == 2 * ROLLOUT


@pytest.mark.parametrize(
    ("stop_after", "reached"), [(1, ROLLOUT), (ROLLOUT, ROLLOUT), (ROLLOUT + 1, 2 * ROLLOUT), (10**6, STEPS)]
)
def test_stop_after_ends_with_the_update_that_reaches_it(
    model: PipelinedPPO, stop_after: int, reached: int
) -> None:
    stop = GracefulStop(stop_after)
    train(model, stop, MIDDLE, lambda: None)
    assert (model.num_timesteps, model._n_updates) == (reached, reached // ROLLOUT)
    assert stop.reason == (None if reached == STEPS else f"--stop-after {stop_after}")
    assert (stop.signal, stop.dropped_steps) == (None, 0)


def test_steps_of_a_failed_rollout_do_not_count(model: PipelinedPPO) -> None:
    stop = GracefulStop()

    def fail() -> None:
        raise RuntimeError("the game is gone")

    with pytest.raises(RuntimeError, match="the game is gone"):
        train(model, stop, MIDDLE, fail)
    reached = model.num_timesteps
    assert reached > ROLLOUT
    for _ in range(2):  # once is enough
        stop.settle()
        assert (model.num_timesteps, stop.dropped_steps) == (ROLLOUT, reached - ROLLOUT)


def test_an_algorithm_that_cannot_be_halted_stops_where_a_rollout_may_be_cut_short(learn: Learn) -> None:
    """stable-baselines3's own PPO is such an algorithm."""
    stop = GracefulStop()
    stop.cut_short = True
    model = learn([stop, At(MIDDLE, lambda: stop.request("enough")), Between(stop)], STEPS)
    assert not isinstance(model, Haltable)
    assert (model.num_timesteps, stop.learned_steps) == (ROLLOUT, ROLLOUT)
    assert stop.dropped_steps == MIDDLE + 2 - ROLLOUT, "the step after the one in which it was asked"
