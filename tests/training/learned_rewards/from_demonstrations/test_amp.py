"""AMP: whom it pays, what it learns from, its bounds, and its state."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from envs.errors import UserError
from envs.tree_codec import pack, unpack
from tests.training.learned_rewards.from_demonstrations.walks import AMP, demonstrated, rollout, setting
from training.config.sections.imitation_rewards import AmpConfig
from training.learned_rewards.from_demonstrations.amp import AdversarialReward
from training.learned_rewards.interface import Demonstrated

CURVES = {
    "accuracy",
    "accuracy_agent",
    "accuracy_demonstrations",
    "discriminator_loss",
    "gradient_norm",
    "input_gradient",
    "replay_buffer",
}


def no_log(count: int, curves: Any) -> None:
    raise AssertionError("AMP learns nothing before training")


def model(config: AmpConfig = AMP, seed: int = 0) -> AdversarialReward:
    made = AdversarialReward(config, setting(seed))
    assert made.needs_demonstrations
    made.learn_demonstrations(demonstrated(), no_log)
    assert not made.needs_demonstrations
    return made


def trained(config: AmpConfig = AMP, rollouts: int = 20) -> AdversarialReward:
    made = model(config)
    for number in range(rollouts):
        made.score(rollout(number))
        curves = made.update(rollout(number))
    assert set(curves) == CURVES
    return made


@pytest.mark.parametrize("loss", ["cross_entropy", "least_squares"])
def test_it_pays_more_for_walking_as_demonstrated(loss: str) -> None:
    made = trained(AMP.model_copy(update={"disc_loss": loss, "disc_grad_penalty": 0.1}))
    wandering, walking = (made.score(rollout(99, east=east)).mean() for east in (0.0, 1.0))
    assert walking > 1.5 * wandering


def test_the_step_that_ends_an_episode_is_paid_nothing_and_not_learned() -> None:
    made, steps = model(), rollout(5)
    scores = made.score(steps)
    assert np.argwhere(scores == 0).tolist() == [[19, 0]]
    made.update(steps)
    assert len(made._replay) == scores.size - 1


def test_held_out_demonstrations_are_not_learned() -> None:
    shown = demonstrated()
    made = model()
    rows = {row.tobytes() for row in made._demonstrations.rows[:, 0]}
    assert len(made._demonstrations) == 5 * 78
    held_out = made._layout.rows({name: array[shown.held_out] for name, array in shown.observations.items()})
    assert not rows & {row.tobytes() for row in held_out}


def test_buffers_are_bounded() -> None:
    small = {"amp_obs_demo_buffer_size": 50, "amp_replay_buffer_size": 30}
    made = trained(AMP.model_copy(update=small))
    assert (len(made._demonstrations), len(made._replay)) == (50, 30)


def test_pictures_may_be_compared() -> None:
    made = trained(AMP.model_copy(update={"inputs": ("screen", "place")}), rollouts=2)
    assert np.isfinite(made.score(rollout(1))).all()


def test_a_rollout_without_steps_changes_nothing() -> None:
    made, steps = model(), rollout(1)
    steps.valid[:] = False
    before = made.state()["discriminator"]["network"]
    assert not made.score(steps).any()
    assert made.update(steps) == {}
    after = made.state()["discriminator"]["network"]
    assert all((before[name] == after[name]).all() for name in before)


def test_no_demonstrated_transition_is_refused() -> None:
    shown = demonstrated()
    nothing = Demonstrated(shown.observations, shown.ends, shown.learned[:0], shown.held_out)
    with pytest.raises(UserError, match=r"^intrinsic amp: the demonstrations have no transition"):
        AdversarialReward(AMP, setting()).learn_demonstrations(nothing, no_log)


def test_it_goes_on_from_a_checkpoint_exactly() -> None:
    """With network, optimizer, statistics, both buffers and the random generator; no replay is needed."""
    one, other = trained(rollouts=3), AdversarialReward(AMP, setting(seed=9))
    plain, arrays = pack(one.state())
    other.restore(unpack(json.loads(json.dumps(plain)), arrays))
    assert not other.needs_demonstrations
    for number in (7, 8):
        assert (one.score(rollout(number)) == other.score(rollout(number))).all()
        assert one.update(rollout(number)) == other.update(rollout(number))


@pytest.mark.parametrize("part", ["features", "discriminator", "demonstrations", "replay", "chance"])
def test_a_checkpoint_without_a_part_is_refused(part: str) -> None:
    state = trained(rollouts=1).state()
    del state[part]
    with pytest.raises(KeyError):
        model().restore(state)


def test_the_global_random_numbers_stay_as_they_are() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    trained(rollouts=2)
    assert torch.equal(before, torch.get_rng_state())
