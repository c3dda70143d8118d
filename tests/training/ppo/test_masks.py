"""Tests of masked actions in rollouts and updates, on the real game."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.training.conftest import TINY
from tests.training.ppo.conftest import Make
from tests.training.ppo.test_pipelined_ppo import rollout
from training.policies.masks import ACTION_MASK

# Every environment reaches its time limit in a rollout. In the bedroom most directions are blocked.
CONFIG: dict[str, Any] = {
    **TINY,
    "num_envs": 4,
    "workers": 2,
    "max_steps": 18,
    "n_steps": 32,
    "batch_size": 64,
    "mask": {"b_outside_battle": True},
    "observations": ["screen", "facing", "place"],
}
POLICIES: dict[str, dict[str, Any] | None] = {"tiles": None, "lstm": {"kind": "lstm", "width": 16}}


@pytest.mark.parametrize("kind", POLICIES)
def test_rollouts_choose_no_masked_action_and_updates_compute_what_they_stored(make: Make, kind: str) -> None:
    model = make(policy=POLICIES[kind], n_epochs=2)
    masked = 0
    for _ in range(3):
        buffer = rollout(model)
        masks = buffer.observations[ACTION_MASK].reshape(-1, 7)
        chosen = buffer.actions.reshape(-1).astype(int)
        assert masks[np.arange(len(chosen)), chosen].all()
        masked += int((masks == 0).sum())
        for indices in buffer.minibatches(64):
            actions = buffer.numbers_at("actions", indices).long()
            with torch.no_grad():
                _, log_probs, entropy = model.policy.evaluate_all(buffer.seen_at(indices), actions)
            stored = buffer.numbers_at("log_probs", indices)
            torch.testing.assert_close(log_probs, stored, rtol=0, atol=1e-5)
            assert entropy.isfinite().all()
        model.train()
    assert masked > 100
    assert all(parameter.isfinite().all() for parameter in model.policy.parameters())


@pytest.mark.parametrize("kind", POLICIES)
def test_an_update_with_masks_that_allow_everything_is_a_plain_one(make: Make, kind: str) -> None:
    plain = make(policy=POLICIES[kind], mask=None)
    masked = make(policy=POLICIES[kind])
    masked.policy.load_state_dict(plain.policy.state_dict())
    theirs, ours = rollout(plain), rollout(masked)
    for name, array in theirs.observations.items():
        ours.observations[name][:] = array
    ours.observations[ACTION_MASK][:] = 1
    names = ["actions", "values", "log_probs", "advantages", "returns", "episode_starts"]
    for name in [*names, "states"] if theirs.sequence else names:
        getattr(ours, name)[:] = getattr(theirs, name)
    for model in (plain, masked):
        np.random.seed(3)  # noqa: NPY002 - the order of minibatches
        model.train()
    for one, other in zip(plain.policy.parameters(), masked.policy.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_learned_reward_does_not_see_the_mask(make: Make) -> None:
    model = make(intrinsic={"kind": "rnd"})
    model.learn(128)
    assert model.num_timesteps == 128
