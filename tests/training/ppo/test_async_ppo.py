"""Tests of rollouts whose results arrive in any order, late, or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

from envs.cluster.ray_vec_env import LOST
from tests.training.ppo.scripted import ENVS, ROWS, Make, News, Scripted, in_turns, rollout, scripted_models
from training.ppo import async_rollout
from training.ppo.async_ppo import AsyncPPO
from training.ppo.reward_shaping import RewardShaping
from training.ppo.rollout_buffer import ReusedRolloutBuffer


@pytest.fixture
def make() -> Iterator[Make]:
    """See scripted_models."""
    yield from scripted_models()


class Seen(BaseCallback):
    """Records the count of steps at each row and the number of environments with a result."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, int]] = []

    def _on_step(self) -> bool:
        came = sum(bool(info) and LOST not in info for info in self.locals["infos"])
        self.rows.append((self.num_timesteps, came))
        return True


def second_group_first(env: Scripted) -> News:
    return max(env.under_way), True


def one_step_advantage(model: AsyncPPO, buffer: ReusedRolloutBuffer, row: int, env: int) -> float:
    """Advantage of a step whose next step has no result."""
    rewards, values = buffer.rewards, buffer.values
    return float(rewards[row, env] + model.gamma * values[row + 1, env] - values[row, env])


def test_the_order_of_results_changes_nothing(make: Make) -> None:
    """One group is a whole rollout ahead of the other, and the buffer is exactly the same."""
    buffers = []
    for script in (in_turns, second_group_first):
        model, _ = make(script)
        seen = Seen()
        before = torch.get_rng_state()
        buffers.append(rollout(model, seen))
        assert torch.equal(torch.get_rng_state(), before), "other draws do not depend on it"
        assert seen.rows == [(ENVS * (row + 1), ENVS) for row in range(ROWS)]
        assert buffers[-1].valid is not None and buffers[-1].valid.all()
    for name in ("actions", "rewards", "values", "log_probs", "episode_starts", "advantages", "returns"):
        assert getattr(buffers[0], name).tobytes() == getattr(buffers[1], name).tobytes(), name
    for key, array in buffers[0].observations.items():
        assert array.tobytes() == buffers[1].observations[key].tobytes(), key


def test_rewards_are_shaped_as_on_one_machine(make: Make) -> None:
    buffers = []
    for scale in (1.0, 1000.0):
        model, _ = make(in_turns)
        model.shape_rewards = RewardShaping(scale)
        buffers.append(rollout(model))
    within = [row for row in range(ROWS) if row != 9]  # the value of what a time limit cut off is added there
    plain, shaped = (buffer.rewards[within] for buffer in buffers)
    assert plain.any()
    np.testing.assert_array_equal(shaped, plain * np.float32(1000))


def test_a_lost_group_is_left_out_until_it_is_back(make: Make) -> None:
    """Group 1 is lost in row 4 and back while group 0 is at row 8."""

    def script(env: Scripted) -> News:
        if env.gone:
            return (1, False) if steps[0] == 8 else (0, True)
        group = min(env.under_way, key=lambda one: steps[one])
        if group == 1 and steps[1] == 4:
            env.losing.add(1)
        return group, True

    model, env = make(script)
    steps = {0: 0, 1: 0}
    wait = env.wait_group

    def counted(group: int) -> Any:
        steps[group] += 1
        return wait(group)

    env.wait_group = counted  # type: ignore[method-assign]
    seen = Seen()
    buffer = rollout(model, seen)
    assert buffer.valid is not None
    lost, whole = env.groups[1], env.groups[0]
    assert buffer.valid[:, whole].all()
    assert buffer.valid[:, lost].all(axis=1).tolist() == [row < 4 or row >= 8 for row in range(ROWS)]
    assert [came for _, came in seen.rows] == [4] * 4 + [2] * 4 + [4] * 4
    assert model.num_timesteps == seen.rows[-1][0] == int(buffer.valid.sum()) == 40
    for index in range(lost.start, lost.stop):
        assert buffer.advantages[3, index] == pytest.approx(
            one_step_advantage(model, buffer, 3, index), abs=1e-6
        )
        assert buffer.values[4, index] != 0, "an action was chosen, though no result arrived"
        assert np.abs(buffer.advantages[4:8, index]).max() < 1e-6
        assert buffer.episode_starts[5:9, index].all() and not buffer.episode_starts[9, index]
    drawn = np.concatenate(list(buffer.minibatches(12)))
    assert sorted(drawn.tolist()) == np.flatnonzero(buffer.valid).tolist()
    assert buffer.learned("returns").shape == (40,)
    model.train()
    assert all(torch.isfinite(parameter).all() for parameter in model.policy.parameters())


def test_a_late_group_continues_in_the_next_rollout(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Group 1 hangs in row 3. Its step is counted once, with the log-probabilities it was chosen with."""
    monkeypatch.setattr(async_rollout, "LATE_SECONDS", 0.0)

    def script(env: Scripted) -> News:
        if 0 in env.under_way and (steps[1] == 3 or steps[0] <= steps[1]):
            return 0, True
        return (1, True) if steps[1] < 3 else None

    model, env = make(script)
    model.late_factor = 1.01
    steps = {0: 0, 1: 0}
    wait = env.wait_group

    def counted(group: int) -> Any:
        steps[group] += 1
        return wait(group)

    env.wait_group = counted  # type: ignore[method-assign]
    buffer = rollout(model)
    late = env.groups[1]
    assert buffer.valid is not None
    assert buffer.valid[:, late].all(axis=1).tolist() == [row < 3 for row in range(ROWS)]
    assert model.num_timesteps == 2 * ROWS + 2 * 3
    for index in range(late.start, late.stop):
        assert buffer.advantages[2, index] == pytest.approx(
            one_step_advantage(model, buffer, 2, index), abs=1e-6
        )
    assert np.abs(buffer.advantages[3:, late]).max() < 1e-6
    kept = {name: getattr(buffer, name)[3, late].copy() for name in ("actions", "log_probs", "values")}
    shown = buffer.observations["screen"][3, late].copy()
    model.train()
    env.script, model.late_factor = in_turns, 1000.0  # no group is late any more, even on a busy machine
    buffer = rollout(model, first=False)
    for name, array in kept.items():
        assert (getattr(buffer, name)[0, late] == array).all(), name
    assert (buffer.observations["screen"][0, late] == shown).all()
    assert buffer.valid is not None and buffer.valid.all()
    assert model.num_timesteps == 2 * ROWS + 2 * 3 + 4 * ROWS


def test_a_learned_reward_sees_only_results_that_arrived(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Group 1 hangs in row 3, and its first step of the next rollout keeps the value it was chosen with."""
    monkeypatch.setattr(async_rollout, "LATE_SECONDS", 0.0)
    steps = {0: 0, 1: 0}

    def script(env: Scripted) -> News:
        if 0 in env.under_way and (steps[1] == 3 or steps[0] <= steps[1]):
            steps[0] += 1
            return 0, True
        if steps[1] == 3:
            return None
        steps[1] += 1
        return 1, True

    model, env = make(script, intrinsic={"kind": "counts", "gamma": 0.9, "episodic": False})
    model.late_factor = 1.01
    buffer, late = rollout(model), env.groups[1]
    assert model.intrinsic is not None and buffer.valid is not None
    assert (buffer.valid.sum(axis=0) == [ROWS, ROWS, 3, 3]).all()
    counted = model.intrinsic.model.state()["table"]["counts"].sum()
    assert counted == np.count_nonzero(model.intrinsic._cells[buffer.valid])
    own = buffer.intrinsic_returns - buffer.intrinsic_values
    assert own[buffer.valid].all() and not own[~buffer.valid].any()
    kept = buffer.intrinsic_values[3, late].copy()
    model.train()
    env.script, model.late_factor = in_turns, 1000.0
    buffer = rollout(model, first=False)
    assert (buffer.intrinsic_values[0, late] == kept).all()


def test_rollouts_end_with_the_remaining_groups(make: Make) -> None:
    """Group 1 is lost in the first row and comes back only between two rollouts."""

    def script(env: Scripted) -> News:
        if 1 in env.under_way:
            env.losing.add(1)
            return 1, True
        return 0, True

    model, env = make(script)
    buffer = rollout(model)
    assert buffer.valid is not None
    assert (buffer.valid.sum(axis=0) == [ROWS, ROWS, 0, 0]).all()
    assert np.isfinite(buffer.advantages).all() and not buffer.advantages[:, env.groups[1]].any()
    back = iter([(1, False)])
    env.script = lambda one: next(back, None) or in_turns(one)
    buffer = rollout(model, first=False)
    assert buffer.valid is not None and buffer.valid.all(), "it joined before the first row was complete"
    assert buffer.episode_starts[0, env.groups[1]].all()
    assert model.num_timesteps == 2 * ROWS + 4 * ROWS


def test_advantages_equal_the_plain_ones_when_nothing_is_lost(make: Make) -> None:
    model, _ = make(in_turns)
    buffer = rollout(model)
    advantage, (rewards, values) = np.zeros(ENVS), (buffer.rewards, buffer.values)
    assert model._last_episode_starts is not None
    with torch.no_grad():
        following = (
            model.policy.predict_values(model.policy.obs_to_tensor(model._last_obs)[0]).numpy().flatten()
        )  # type: ignore[arg-type]
    starts = model._last_episode_starts
    for row in reversed(range(ROWS)):
        goes_on = 1.0 - starts
        advantage = (
            rewards[row] + model.gamma * following * goes_on - values[row]
            + model.gamma * model.gae_lambda * goes_on * advantage
        )  # fmt: skip
        np.testing.assert_allclose(buffer.advantages[row], advantage, atol=1e-5)
        following, starts = values[row], buffer.episode_starts[row]
    assert not math.isclose(float(np.abs(buffer.advantages).max()), 0.0)
