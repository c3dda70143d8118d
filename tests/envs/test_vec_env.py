"""Tests of EmulatorVecEnv on the embedded cartridge: equal to DummyVecEnv, and robust to lost workers."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import psutil
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from envs.errors import UserError
from envs.game.catalog import Game
from envs.game_boy.emulator import Emulator
from envs.observations import Observations
from envs.red_env import EnvConfig, RedEnv
from envs.start_library import start_state
from envs.vec_env import EmulatorVecEnv, WorkerFailed
from envs.workers.pool import split
from envs.workers.process import WorkerLost
from envs.workers.shared_memory import POISON
from rewards.stack import DEFAULT_COEFFICIENTS, RewardStack
from tests.envs.transitions import actions, assert_same_infos, same

N = 5
"""Number of environments: divisible neither by workers nor by groups."""
Maker = Callable[[], RedEnv]
MakeVec = Callable[..., EmulatorVecEnv]


@pytest.fixture(scope="module")
def maker(game: Game) -> Maker:
    """Creates an environment with short episodes, here and in workers."""
    config = EnvConfig(game, start_state(game, "starter"), max_steps=20)

    def make() -> RedEnv:
        return RedEnv(Emulator(config.game.rom), RewardStack(DEFAULT_COEFFICIENTS), Observations(), config)

    return make


@pytest.fixture
def vec(maker: Maker) -> Iterator[MakeVec]:
    """vec(number, make=, **arguments): a vector environment with two workers, closed after the test."""
    made: list[EmulatorVecEnv] = []

    def make_vec(number: int = N, make: Maker = maker, **arguments: Any) -> EmulatorVecEnv:
        made.append(EmulatorVecEnv([make] * number, **{"workers": 2, **arguments}))
        return made[-1]

    yield make_vec
    for env in made:
        env.close()


def test_same_transitions_as_dummy_vec_env(vec: MakeVec, maker: Maker) -> None:
    ours, theirs = vec(), DummyVecEnv([maker] * N)  # type: ignore[list-item]
    for env in (ours, theirs):
        env.seed(7)
    assert same(ours.reset(), theirs.reset())
    assert ours.reset_infos == theirs.reset_infos
    for chosen in actions(N, 45):
        (o, r, d, i), (o2, r2, d2, i2) = ours.step(chosen), theirs.step(chosen)
        assert same(o, o2)
        assert (r.dtype, r.tobytes(), d.tolist()) == (r2.dtype, r2.tobytes(), d2.tolist())
        assert_same_infos(i, i2)
        assert ours.reset_infos == theirs.reset_infos
    theirs.close()


@pytest.mark.parametrize(
    ("number", "workers", "groups"), [(1, 1, 1), (2, 2, 2), (7, 3, 2), (16, 5, 2), (9, 9, 2)]
)
def test_split_assigns_every_environment_once(number: int, workers: int, groups: int) -> None:
    parts = split(number, workers, groups)
    assert sorted(index for own in parts for group in own for index in group) == list(range(number))
    sizes = [sum(map(len, own)) for own in parts]
    assert max(sizes) - min(sizes) <= 1
    for group in range(groups):
        indices = [index for own in parts for index in own[group]]
        assert indices == list(range(indices[0], indices[-1] + 1)), "contiguous and in order"


def test_stepping_groups_one_by_one_gives_the_same_results(vec: MakeVec) -> None:
    whole, grouped = vec(4), vec(4)
    for env in (whole, grouped):
        env.seed(3)
        env.reset()
    plan = actions(4, 25)
    for group, part in enumerate(grouped.groups):
        grouped.step_group(group, plan[0, part])
    for step in range(25):
        observations, rewards, dones, infos = whole.step(plan[step])
        for group, part in enumerate(grouped.groups):
            o, r, d, i = grouped.wait_group(group)
            assert same(o, {key: array[part] for key, array in observations.items()})
            assert (r.tolist(), d.tolist()) == (rewards[part].tolist(), dones[part].tolist())
            assert_same_infos(i, infos[part])
            if step < 24:
                grouped.step_group(group, plan[step + 1, part])


def test_last_observation_stays_while_the_next_is_written(vec: MakeVec) -> None:
    env = vec()
    before = env.reset()
    kept = {key: array.copy() for key, array in before.items()}
    env.step(actions(N, 1)[0])
    assert same(before, kept)


def test_edited_observations_do_not_come_back(vec: MakeVec) -> None:
    """A wrapper may change what it is given in place; unchanged parts are not written again."""
    ours, other = vec(2), vec(2)
    for env in (ours, other):
        env.seed(3)
    edited, clean = ours.reset(), other.reset()
    for chosen in actions(2, 8):
        for array in edited.values():  # type: ignore[union-attr]
            array[:] = 7
        edited, clean = ours.step(chosen)[0], other.step(chosen)[0]
        assert same(edited, clean)


def test_buffers_are_poisoned_until_written(vec: MakeVec) -> None:
    env = vec(2)
    block = np.frombuffer(env._pool._block, np.uint8)
    assert (block == POISON).all()
    env.reset()
    first, second = (env._arrays["obs/screen"][buffer] for buffer in (env._pool.buffer[0], 0))
    assert not (first == POISON).all(axis=(1, 2, 3)).any()
    assert (second == POISON).all(), "the other buffer is not written yet"


def test_a_nan_reward_is_refused(vec: MakeVec, maker: Maker) -> None:
    class Broken(gymnasium.Wrapper[Any, Any, Any, Any]):
        def step(self, action: Any) -> Any:
            observation, _, *rest = super().step(action)
            return observation, float("nan"), *rest

    env = vec(2, lambda: Broken(maker()))
    env.reset()
    assert env.env_is_wrapped(gymnasium.Wrapper) == [True, True]
    with pytest.raises(ValueError, match="environment 0 returned NaN as its reward"):
        env.step(np.zeros(2, np.int64))


def test_an_exception_arrives_with_its_traceback(vec: MakeVec) -> None:
    env = vec()
    env.reset()
    with pytest.raises(WorkerFailed, match=r"(?s)Traceback.*red_env\.py.*action 99: must be a whole number"):
        env.step(np.full(N, 99))
    env.close()
    assert not any(psutil.pid_exists(pid) for pid in env.worker_pids)


def test_a_user_error_arrives_unchanged(vec: MakeVec) -> None:
    env = vec()
    env.set_options({"start": "nowhere"})
    with pytest.raises(UserError, match="nowhere"):
        env.reset()
    env.set_options({"start": "bedroom"})
    env.reset()
    assert {info["start"] for info in env.reset_infos} == {"bedroom"}


def worker_processes() -> list[psutil.Process]:
    """The workers that still run: children of the fork server, which is a child of this process."""
    found = psutil.Process().children(recursive=True)
    return [one for one in found if one.ppid() != os.getpid() and one.status() != psutil.STATUS_ZOMBIE]


def test_an_environment_that_cannot_be_created_stops_all_workers(maker: Maker) -> None:
    def make() -> RedEnv:
        raise UserError("no such cartridge")

    env = maker()
    working = EmulatorVecEnv([maker] * 2, workers=2)
    assert len(worker_processes()) == 2
    working.close()
    with pytest.raises(UserError, match="no such cartridge"):
        EmulatorVecEnv([make] * 2, workers=2, spaces=(env.observation_space, env.action_space))
    env.close()
    assert not worker_processes()


def test_requests_reach_the_environments_even_during_a_step(vec: MakeVec) -> None:
    env, other = vec(), vec()
    for one in (env, other):
        one.seed(1)
        one.reset()
    chosen = actions(N, 1)[0]
    env.step_async(chosen)
    assert env.get_attr("render_mode") == ["rgb_array"] * N
    env.set_attr("mark", 3, indices=[1, 4])
    assert env.get_attr("mark", indices=[4]) == [3]
    with pytest.raises(AttributeError):
        env.get_attr("mark")
    assert [picture.shape for picture in env.get_images() if picture is not None] == [(144, 160, 3)] * N
    assert env.env_is_wrapped(object) == [False] * N
    assert env.env_method("render", indices=2)[0].dtype == np.uint8
    observations, rewards, _, _ = env.step_wait()
    expected = other.step(chosen)
    assert same(observations, expected[0])
    assert rewards.tolist() == expected[1].tolist()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
@pytest.mark.parametrize("when", ["before the step", "during the step"])
def test_a_lost_worker_is_replaced(
    vec: MakeVec, maker: Maker, caplog: pytest.LogCaptureFixture, number: signal.Signals, when: str
) -> None:
    env, unharmed = vec(4, step_timeout=0.5), vec(4)
    for one in (env, unharmed):
        one.seed(5)
        one.reset()
    plan = actions(4, 12)
    for chosen in plan[:4]:
        last, _, _, _ = env.step(chosen)
        unharmed.step(chosen)
    last = {key: array.copy() for key, array in last.items()}
    lost = [index for group in env._pool.parts[0] for index in group]
    alive = [index for index in range(4) if index not in lost]
    pid, began = env.worker_pids[0], time.monotonic()
    if when == "before the step":
        os.kill(pid, number)
        env.step_async(plan[4])
    else:
        env.step_async(plan[4])
        os.kill(pid, number)
    with caplog.at_level(logging.WARNING):
        observations, rewards, dones, infos = env.step_wait()
    assert time.monotonic() - began < 5
    expected = unharmed.step(plan[4])
    if when == "before the step":
        assert len(caplog.records) == 1
        assert f"(process {pid})" in caplog.text
        assert [bool(dones[index]) for index in lost] == [True] * 2
        for index in lost:
            assert infos[index]["TimeLimit.truncated"]
            assert same(infos[index]["terminal_observation"], {k: a[index] for k, a in last.items()})
            assert rewards[index] == 0
            assert env.reset_infos[index]["start"] == "starter"
    for chosen in (None, *plan[5:8]):
        if chosen is not None:
            observations, rewards, dones, infos = env.step(chosen)
            expected = unharmed.step(chosen)
        assert [rewards[index] for index in alive] == [expected[1][index] for index in alive]
        assert all((observations["screen"][i] == expected[0]["screen"][i]).all() for i in alive)
    assert pid not in env.worker_pids
    assert not psutil.pid_exists(pid)


def test_groups_stay_separate_when_workers_are_lost_repeatedly(vec: MakeVec) -> None:
    env = vec(4, step_timeout=0.5)
    env.seed(5)
    env.reset()
    env.step_group(0, np.zeros(2, np.int64))
    os.kill(env.worker_pids[1], signal.SIGKILL)
    env.wait_group(0)
    os.kill(env.worker_pids[1], signal.SIGKILL)
    env.step_group(1, np.zeros(2, np.int64))
    env.step_group(0, np.ones(2, np.int64))
    assert env.wait_group(0)[2].tolist() == [False, True]
    _, rewards, dones, infos = env.wait_group(1)
    assert dones.tolist() == [False, True]
    assert rewards[1] == 0 and infos[1]["TimeLimit.truncated"]
    observations, _, dones, _ = env.step(np.full(4, 3))
    assert not dones.any()
    for index, state in enumerate(env.get_attr("state")):
        assert observations["events"][index].tobytes() == state.event_bytes
    expected = [[1, 2, 4], [0, 0, 4], [0, 1, 4], [0, 0, 4]]
    assert observations["recent_actions"].tolist() == expected, "the actions since the start of each episode"


def test_a_worker_stopped_in_the_middle_of_an_answer_counts_as_hung(vec: MakeVec, maker: Maker) -> None:
    class LongAnswer(gymnasium.Wrapper[Any, Any, Any, Any]):
        def answer(self) -> bytes:
            return bytes(20_000_000)  # more than fits into the socket's buffer

    env = vec(2, lambda: LongAnswer(maker()))
    env.reset()
    worker = env._pool.workers[0]
    worker.ask("call", "answer", [0], (), {})
    assert worker._channel.has_message(10)
    time.sleep(0.2)
    os.kill(worker.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(WorkerLost, match="stopped in the middle of an answer"):
        worker.receive(0.5)
    assert time.monotonic() - began < 3
    os.kill(worker.pid, signal.SIGCONT)
    assert env.env_method("answer", indices=1) == [bytes(20_000_000)], "another worker's arrives whole"


def test_closing_twice_and_with_a_stopped_worker(vec: MakeVec) -> None:
    env = vec()
    env.reset()
    env.step_async(actions(N, 1)[0])
    pids = env.worker_pids
    os.kill(pids[0], signal.SIGSTOP)
    began = time.monotonic()
    env.close()
    env.close()
    assert time.monotonic() - began < 3
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_workers_ignore_signals_that_their_parent_handles(vec: MakeVec) -> None:
    env = vec()
    env.reset()
    pids = env.worker_pids
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        for pid in pids:
            os.kill(pid, number)
        _, _, dones, _ = env.step(actions(N, 1)[0])
        assert not dones.any()
    assert env.worker_pids == pids
    env.close()
    assert not any(psutil.pid_exists(pid) for pid in pids)
