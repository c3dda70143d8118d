"""Learned gamma and lambda: derivatives against differences, bounds and state."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.ppo.test_update_controls import Make, env, make, updated  # noqa: F401 - fixtures
from training.config.discounts import Learned
from training.ppo.advantage_slopes import AdvantageSlopes, normalized, normalized_slope
from training.ppo.learned_discounts import LearnedDiscounts
from training.ppo.learned_number import LearnedNumber
from training.ppo.pipelined_ppo import PipelinedPPO

GAMMA = Learned(kind="learned", start=0.9, low=0.5, high=0.99, rate=0.05)
LAMBDA = Learned(kind="learned", start=0.8, low=0.1, high=1.0, rate=0.05)
BOTH = {"gamma": GAMMA, "gae_lambda": LAMBDA}
REFERENCE = {"gamma": 0.95, "gae_lambda": 0.9}


def rollout(make: Make, **settings: Any) -> PipelinedPPO:  # noqa: F811
    model = make(gamma=GAMMA.start, gae_lambda=LAMBDA.start, **settings)
    model.rollout_buffer.rewards += np.random.default_rng(0).normal(size=(128, 1)).astype(np.float32)
    return model


def test_advantages_are_those_of_the_buffer(make: Make) -> None:  # noqa: F811
    buffer = rollout(make).rollout_buffer
    assert buffer.episode_starts.sum() > 4, "episodes end within"
    for ended in (np.array([True]), np.array([False])):
        buffer.compute_returns_and_advantage(torch.tensor([[3.0]]), ended)
        found = AdvantageSlopes(buffer, buffer.gamma, buffer.gae_lambda).advantages
        np.testing.assert_allclose(found, buffer.advantages, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["gamma", "gae_lambda"])
def test_slopes_are_the_limits_of_differences(make: Make, name: str) -> None:  # noqa: F811
    buffer, step = rollout(make).rollout_buffer, 1e-5
    at = {"gamma": 0.9, "gae_lambda": 0.8}
    low, high = (
        AdvantageSlopes(buffer, **{**at, name: at[name] + side * step}).advantages for side in (-1, 1)
    )
    slopes = AdvantageSlopes(buffer, **at).by(name)
    np.testing.assert_allclose(slopes, (high - low) / (2 * step), rtol=1e-5, atol=1e-6)
    middle = AdvantageSlopes(buffer, **at).advantages.flatten()
    change = (normalized(high.flatten()) - normalized(low.flatten())) / (2 * step)
    np.testing.assert_allclose(normalized_slope(middle, slopes.flatten()), change, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["gamma", "gae_lambda"])
@pytest.mark.parametrize("scope", ["batch", "off"])
def test_the_meta_gradient_is_that_of_an_update(make: Make, name: str, scope: str) -> None:  # noqa: F811
    """The objective after a plain step of gradient descent on the loss, for two values of the number."""
    model, rate, step = rollout(make, normalize_advantage=scope), 0.02, 0.02
    control = LearnedDiscounts({name: BOTH[name]}, REFERENCE)
    objective, dependence = control.gradients(model)
    buffer, start = model.rollout_buffer, copy.deepcopy(model.policy.state_dict())
    found = []
    for side in (-1, 1):
        model.policy.load_state_dict(start)
        setattr(buffer, name, BOTH[name].start + side * step)
        buffer.compute_returns_and_advantage(torch.from_numpy(buffer.values_after), buffer.ended)
        model.ent_coef = 0.0
        model.gradient(np.arange(128), 0.2)
        with torch.no_grad():
            for parameter in model.policy.parameters():
                assert parameter.grad is not None
                parameter -= rate * parameter.grad
        judged = AdvantageSlopes(buffer, **REFERENCE).advantages.flatten()
        weights = torch.from_numpy(normalized(judged) if scope == "batch" else judged).float()
        indices = np.arange(128)
        actions = buffer.numbers_at("actions", indices).long()
        _, log_probs, _ = model.policy.evaluate_actions(buffer.observations_at(indices), actions)
        ratio = (log_probs - buffer.numbers_at("log_probs", indices)).exp()
        found.append(-float((weights * ratio.detach()).double().mean()))
    setattr(buffer, name, BOTH[name].start)
    difference = (found[1] - found[0]) / (2 * step)
    assert float(objective @ (-rate * dependence[name])) == pytest.approx(difference, rel=0.1)


def test_a_number_stays_within_its_bounds() -> None:
    for gradient, bound in ((1.0, 0.5), (-1.0, 0.99)):
        number = LearnedNumber(GAMMA)
        assert number.value == pytest.approx(0.9)
        for _ in range(2000):
            number.descend(gradient)
            assert 0.5 <= number.value <= 0.99
        assert number.value == pytest.approx(bound, abs=1e-3)
    before = number.value
    number.descend(math.nan)
    number.descend(math.inf)
    assert number.value == before


def test_numbers_move_from_the_second_update_and_apply_to_the_next_rollout(make: Make) -> None:  # noqa: F811
    model = rollout(make)
    model.learned_discounts = control = LearnedDiscounts(BOTH, REFERENCE)
    updated(model)
    assert (model.gamma, model.gae_lambda) == (pytest.approx(0.9), pytest.approx(0.8)), "nothing to judge yet"
    updated(model)
    assert model.gamma == model.rollout_buffer.gamma == control.value_at("gamma", 0) != pytest.approx(0.9)
    assert model.gae_lambda == model.rollout_buffer.gae_lambda != pytest.approx(0.8)
    assert model.logger.name_to_value["train/gamma"] == pytest.approx(0.9), (
        "that of the rollout it learned from"
    )


def test_a_restored_control_continues_exactly(make: Make) -> None:  # noqa: F811
    model = rollout(make)
    model.learned_discounts = first = LearnedDiscounts(BOTH, REFERENCE)
    updated(updated(model))
    second = LearnedDiscounts(BOTH, REFERENCE)
    second.restore(copy.deepcopy(first.snapshot()))
    buffer, states = model.rollout_buffer, []
    discounts = buffer.gamma, buffer.gae_lambda
    for control in (first, second, LearnedDiscounts(BOTH, REFERENCE)):
        buffer.gamma, buffer.gae_lambda = discounts
        control.learn(model)
        states.append(control.snapshot())
    assert states[0]["numbers"] == states[1]["numbers"] != states[2]["numbers"]
    for name in BOTH:
        assert (states[0]["moves"][name] == states[1]["moves"][name]).all()


@pytest.mark.parametrize(
    "damage",
    [
        {"numbers": {"gamma": {"logit": math.nan, "moments": [0, 0], "steps": 1}}},
        {"numbers": {"gamma": {"logit": 1e9, "moments": [0, 0], "steps": 1}}},
        {"numbers": {"gamma": {"logit": 0, "moments": [0, -1], "steps": 1}}},
        {"numbers": {"gamma": {"logit": 0, "moments": [0], "steps": 1}}},
        {"numbers": {"gamma": {"logit": 0, "moments": [0, 0]}}},
        {"moves": {"gamma": [1.0]}},
        {"moves": {"gamma": np.zeros((2, 2), np.float32)}},
        {"moves": {"gamma": np.zeros(2)}},
    ],
)
def test_a_damaged_state_is_refused(damage: dict[str, Any]) -> None:
    control = LearnedDiscounts(BOTH, REFERENCE)
    with pytest.raises((KeyError, TypeError, ValueError)):
        control.restore({**control.snapshot(), **damage})
    assert control.value_at("gamma", 0) == pytest.approx(0.9)
