"""How learned rewards get into a rollout, on real games."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.training.conftest import TINY
from tests.training.ppo.conftest import Make
from training.demonstrations.demo_set import DemonstrationSet
from training.learned_rewards.advantages import ValuedSteps, advantages
from training.learned_rewards.interface import Demonstrated
from training.ppo.pipelined_ppo import PipelinedPPO
from training.ppo.rollout_buffer import ReusedRolloutBuffer

# Episodes of 10 steps, so that every environment reaches its time limit twice in a rollout of 24.
CONFIG = {**TINY, "num_envs": 4, "workers": 2, "max_steps": 10, "n_steps": 24, "batch_size": 48}
COUNTS = {"kind": "counts", "coefficient": 0.5}
OWN_HEAD = {**COUNTS, "gamma": 0.9, "extrinsic_coefficient": 2.0}


def rollout(model: PipelinedPPO) -> ReusedRolloutBuffer:
    """Collect one rollout without an update."""
    _, callback = model._setup_learn(10**6, None)
    assert model.env is not None
    assert model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
    return model.rollout_buffer


def paid(model: PipelinedPPO) -> np.ndarray[Any, Any]:
    """What counts pay for the model's first rollout, (n_steps, n_envs), from its cells."""
    assert model.intrinsic is not None
    cells, known = model.intrinsic._cells, dict[int, int]()
    scores = np.zeros(cells.shape)
    for place, cell in np.ndenumerate(cells):
        if cell:
            known[int(cell)] = known.get(int(cell), 0) + 1
            scores[place] = known[int(cell)] ** -0.5
    assert (scores > 0).mean() > 0.5
    return scores


def test_without_a_head_of_its_own_it_is_added_to_the_games_reward(make: Make) -> None:
    plain = make()
    without = rollout(plain)
    model = make(intrinsic=COUNTS)
    buffer = rollout(model)
    assert (buffer.actions == without.actions).all(), "the policy and its chance are the same"
    np.testing.assert_allclose(buffer.rewards, without.rewards + 0.5 * paid(model), atol=1e-6)
    assert not np.allclose(buffer.advantages, without.advantages)
    assert [e["r"] for e in model.ep_info_buffer or ()] == [e["r"] for e in plain.ep_info_buffer or ()]


def test_a_head_of_its_own_leaves_the_games_returns_alone(make: Make) -> None:
    model = make(intrinsic={**OWN_HEAD, "episodic": False})
    buffer = rollout(model)
    scores, last = paid(model), {key: torch.from_numpy(a) for key, a in model._last_obs.items()}  # type: ignore[union-attr]
    mixed, returns = buffer.advantages.copy(), buffer.returns.copy()
    with torch.no_grad():
        values, own = model.policy.predict_values(last), model.policy.predict_intrinsic_values(last)
    assert model._last_episode_starts is not None
    buffer.compute_returns_and_advantage(values, model._last_episode_starts)
    steps = ValuedSteps(
        scores.astype(np.float32), buffer.intrinsic_values, own.numpy().flatten(),
        ends=np.zeros(scores.shape, np.bool_), valid=np.ones(scores.shape, np.bool_),
    )  # fmt: skip
    wanted = advantages(steps, 0.9, model.gae_lambda)
    np.testing.assert_allclose(returns, buffer.returns, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mixed, 2 * buffer.advantages + 0.5 * wanted, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        buffer.intrinsic_returns, wanted + buffer.intrinsic_values, rtol=1e-4, atol=1e-5
    )


def test_episodic_returns_end_with_an_episode_but_not_at_the_time_limit(make: Make) -> None:
    """As for the game's reward, the value of the last observation follows there."""
    model = make(intrinsic={**OWN_HEAD, "episodic": True})
    buffer = rollout(model)
    assert model.intrinsic is not None
    after = model.intrinsic._after_limit
    limits = buffer.episode_starts[1:] > 0
    assert limits.sum() == 8
    assert (after[:-1][limits] != 0).all()
    assert not after[:-1][~limits].any()
    row, env = (int(found[0]) for found in np.nonzero(limits))
    own = buffer.intrinsic_returns - buffer.intrinsic_values
    error = paid(model)[row, env] + after[row, env] - buffer.intrinsic_values[row, env]
    assert own[row, env] == pytest.approx(error, rel=1e-4, abs=1e-6)


def test_both_heads_learn_and_the_second_one_its_own_returns(make: Make) -> None:
    model = make(intrinsic={**OWN_HEAD, "episodic": False}, learning_rate=3e-3, n_epochs=20)
    buffer = rollout(model)

    def errors() -> tuple[float, float]:
        observations = {key: torch.from_numpy(a[5]) for key, a in buffer.observations.items()}
        with torch.no_grad():
            values, _, _ = model.policy.evaluate_all(observations, torch.zeros(4, dtype=torch.long))
        targets = np.stack([buffer.returns[5], buffer.intrinsic_returns[5]], axis=1)
        found = np.square(values.numpy() - targets).mean(axis=0)
        return float(found[0]), float(found[1])

    before = errors()
    model.train()
    after = errors()
    assert after[1] < 0.2 * before[1]
    assert model.logger.name_to_value["intrinsic/value_loss"] > 0


def test_the_gradient_of_the_second_head_is_that_of_its_squared_error(make: Make) -> None:
    model = make(intrinsic={**OWN_HEAD, "episodic": False})
    buffer = rollout(model)
    indices = np.arange(96)
    means = model.gradient(indices, 0.2)
    assert model.policy.intrinsic_net is not None
    found = model.policy.intrinsic_net.weight.grad
    values, _, _ = model.policy.evaluate_all(
        buffer.observations_at(indices), buffer.numbers_at("actions", indices).flatten().long()
    )
    loss = (values[:, 1] - buffer.numbers_at("intrinsic_returns", indices)).square().mean()
    assert means["intrinsic"] == pytest.approx(loss.item(), rel=1e-4)
    (wanted,) = torch.autograd.grad(model.vf_coef * loss, [model.policy.intrinsic_net.weight])
    assert found is not None
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


def test_coefficient_0_is_plain_ppo(make: Make) -> None:
    plain = make()
    first = rollout(plain)
    model = make(intrinsic={**COUNTS, "coefficient": 0.0})
    buffers = first, rollout(model)
    for one, other in zip(plain.policy.parameters(), model.policy.parameters(), strict=True):
        assert torch.equal(one, other)
    for name in ("rewards", "advantages", "returns"):
        assert (getattr(buffers[0], name) == getattr(buffers[1], name)).all()


def shown_amp(make: Make, short_set: DemonstrationSet, **settings: Any) -> PipelinedPPO:
    """A model with AMP that has learned a set."""
    section = {"kind": "amp", "demonstrations": str(short_set.folder), "inputs": ["place"], **settings}
    model = make(intrinsic=section)
    assert model.intrinsic is not None
    shape = model.observation_space["place"].shape  # type: ignore[index]
    place = np.random.default_rng(0).integers(0, 2, (50, *shape), np.uint8)
    ends = np.arange(50) == 49
    shown = Demonstrated({"place": place}, ends, np.arange(50), np.arange(0))
    model.intrinsic.model.learn_demonstrations(shown, lambda count, curves: None)
    return model


def test_a_weight_of_0_for_demonstrations_is_plain_ppo(make: Make, short_set: DemonstrationSet) -> None:
    plain = make()  # seeds the generators that actions and minibatches are drawn from, as the next one does
    first = rollout(plain)
    plain.train()
    model = shown_amp(make, short_set, disc_reward_w=0.0)
    buffers = first, rollout(model)
    model.train()
    for one, other in zip(plain.policy.parameters(), model.policy.parameters(), strict=True):
        assert torch.equal(one, other)
    for name in ("rewards", "advantages", "returns"):
        assert (getattr(buffers[0], name) == getattr(buffers[1], name)).all()
    assert model.logger.name_to_value["intrinsic/reward_mean"] > 0, "it is still reported"


def test_the_games_reward_has_a_weight_too(make: Make, short_set: DemonstrationSet) -> None:
    """The value after a time limit is not the game's alone and is not weighted."""
    whole = rollout(make(value_bootstrap=False))
    halves = {"kind": "linear", "start": 0.5, "end": 0.5}
    settings = {"task_reward_w": halves, "disc_reward_w": 0.0}
    model = shown_amp(lambda **more: make(value_bootstrap=False, **more), short_set, **settings)
    half = rollout(model)
    assert whole.rewards.any()
    np.testing.assert_allclose(half.rewards, 0.5 * whole.rewards, rtol=1e-6)


def test_curves_are_recorded_for_each_rollout(make: Make) -> None:
    model = make(
        intrinsic={**COUNTS, "coefficient": {"kind": "linear", "start": 1.0, "end": 0.0, "steps": 192}}
    )
    rollout(model)
    scores = paid(model)
    assert model.intrinsic is not None
    cells = len(np.unique(model.intrinsic._cells[scores > 0]))
    curves = {
        name: value for name, value in model.logger.name_to_value.items() if name.startswith("intrinsic/")
    }
    assert curves == {
        "intrinsic/coefficient": 0.5,
        "intrinsic/game_coefficient": 1.0,
        "intrinsic/reward_mean": pytest.approx(scores.mean(), rel=1e-5),
        "intrinsic/reward_max": pytest.approx(1),
        "intrinsic/new_cells": cells,
        "intrinsic/cells": cells,
        "intrinsic/forgotten_cells": 0,
    }
