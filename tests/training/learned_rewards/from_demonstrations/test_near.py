"""NEAR: whom it pays, that it is frozen, and its state."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from envs.errors import UserError
from envs.tree_codec import pack, unpack
from tests.training.learned_rewards.from_demonstrations.walks import NEAR, demonstrated, rollout, setting
from training.config.sections.imitation_rewards import NearConfig
from training.learned_rewards.from_demonstrations.near import EnergyReward
from training.learned_rewards.from_demonstrations.transitions import of_demonstrations, of_rollout
from training.learned_rewards.interface import Demonstrated


def no_log(count: int, curves: Any) -> None:
    assert set(curves) == {"energy_loss"}


def model(config: NearConfig = NEAR, seed: int = 0) -> EnergyReward:
    made = EnergyReward(config, setting(seed))
    assert made.needs_demonstrations
    made.learn_demonstrations(demonstrated(), no_log)
    assert not made.needs_demonstrations
    return made


@pytest.fixture(scope="module")
def learned() -> dict[str, Any]:
    return model().state()


def from_state(state: dict[str, Any], config: NearConfig = NEAR, seed: int = 0) -> EnergyReward:
    made = EnergyReward(config, setting(seed))
    made.restore(state)
    return made


def test_it_pays_more_for_walking_as_demonstrated(learned: dict[str, Any]) -> None:
    made = from_state(learned)
    wandering = rollout(3)
    wandering.observations["place"][..., 3] = 220  # far from the rows of the demonstrations
    wandering.last["place"][..., 3] = 220
    both = [
        made.energies(of_rollout(made._layout, steps)[0], 0).mean()
        for steps in (wandering, rollout(3, east=1))
    ]
    assert both[1] > both[0]


def test_held_out_demonstrations_have_more_energy_than_wandering(learned: dict[str, Any]) -> None:
    made, shown = from_state(learned), demonstrated()
    theirs = of_demonstrations(made._layout, shown, shown.held_out)
    agent = of_rollout(made._layout, rollout(1, steps=300))[0]
    agent[:, :, 3] = np.random.default_rng(0).integers(0, 256, len(agent))[:, np.newaxis]
    for level in range(NEAR.L):
        assert made.energies(theirs, level).mean() > made.energies(agent, level).mean()


def test_constant_features_do_not_count(learned: dict[str, Any]) -> None:
    """Of 56 bytes of place and progress the walks change three."""
    made, steps = from_state(learned), rollout(2)
    assert made.features.dropped > made.features.width
    before = made.energies(of_rollout(made._layout, steps)[0], 0)
    steps.observations["progress"][..., 5] = 1
    steps.last["progress"][..., 5] = 1
    assert (made.energies(of_rollout(made._layout, steps)[0], 0) == before).all()


def test_rewards_are_bounded_and_rebased(learned: dict[str, Any]) -> None:
    made = from_state(learned)
    scores = made.score(rollout(1))
    assert np.abs(scores).max() < 1
    assert abs(scores.mean()) < 0.5, "not paid for every step, whatever the agent does"
    assert scores[19, 0] == 0, "the step that ends an episode"


def test_its_curves_say_what_was_paid(learned: dict[str, Any]) -> None:
    made = from_state(learned)
    made.score(rollout(1))
    curves = made.update(rollout(1))
    assert set(curves) == {"energy", "noise_level", "sigma"}
    assert curves["sigma"] == pytest.approx(float(made.network.sigmas[0]))  # type: ignore[union-attr]


def test_it_is_frozen_and_only_its_levels_follow_the_agent(learned: dict[str, Any]) -> None:
    made = from_state(learned)
    for number in range(5):
        made.score(rollout(number))
        made.update(rollout(number))
    state = made.state()
    assert all((state["network"][name] == learned["network"][name]).all() for name in learned["network"])
    assert (state["features"]["statistics"]["mean"] == learned["features"]["statistics"]["mean"]).all()
    assert state["levels"] != learned["levels"]


@pytest.mark.parametrize(
    "settings", [{"numObsSteps": 1}, {"normalize_energynet_input": False}, {"embedding": 3}]
)
def test_other_features(settings: dict[str, Any]) -> None:
    made = model(NEAR.model_copy(update={**settings, "n_iters": 20}))
    assert np.isfinite(made.score(rollout(1))).all()


def test_too_few_demonstrations_are_refused() -> None:
    shown = demonstrated()
    one = Demonstrated(shown.observations, shown.ends, shown.learned[:1], shown.held_out)
    with pytest.raises(UserError, match="1 demonstrated transitions are too few"):
        EnergyReward(NEAR, setting()).learn_demonstrations(one, no_log)


def test_it_goes_on_from_a_checkpoint_exactly(learned: dict[str, Any]) -> None:
    one = from_state(learned)
    one.score(rollout(0))
    one.update(rollout(0))
    plain, arrays = pack(one.state())
    other = from_state(unpack(json.loads(json.dumps(plain)), arrays), seed=9)
    assert not other.needs_demonstrations
    for number in (7, 8):
        assert (one.score(rollout(number)) == other.score(rollout(number))).all()
        assert one.update(rollout(number)) == other.update(rollout(number))


@pytest.mark.parametrize("part", ["features", "network", "levels"])
def test_a_checkpoint_without_a_part_is_refused(part: str, learned: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        from_state({name: value for name, value in learned.items() if name != part})


def test_learning_depends_on_the_seed_alone() -> None:
    short = NEAR.model_copy(update={"n_iters": 20})
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = model(short).state()["network"]
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(4)
    same, other = (model(short, seed).state()["network"] for seed in (0, 1))
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)
