"""With the same weights, updates compute the log-probabilities that rollouts stored, for every policy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.training.conftest import TINY
from tests.training.ppo.conftest import Make
from tests.training.ppo.test_pipelined_ppo import rollout
from training.config.sections.policy import POLICY_KINDS

# Every environment reaches its time limit twice in a rollout.
CONFIG = {**TINY, "num_envs": 4, "workers": 2, "max_steps": 10, "n_steps": 24, "batch_size": 48}
# A class of the user's is tried in test_memory.py.
SECTIONS: dict[str, dict[str, Any]] = {
    "tiles": {},
    "nature": {},
    "lstm": {"width": 16},
    "gpt2": {"max_input_states": 5, "d_model": 16, "num_layers": 2, "num_heads": 2},
}


def test_every_kind_is_tried() -> None:
    assert {name for name in POLICY_KINDS if not name.startswith("own")} == set(SECTIONS)


@pytest.mark.parametrize("kind", SECTIONS)
def test_rollouts_and_updates_agree_to_1e_5(make: Make, kind: str) -> None:
    model = make(policy={"kind": kind, **SECTIONS[kind]}, learning_rate=3e-3)
    with torch.no_grad():
        model.policy.action_net.weight *= 50
    for _ in range(2):  # the second time after an update
        buffer = rollout(model)
        assert np.ptp(buffer.log_probs) > 0.1
        for indices in model.rollout_buffer.minibatches(48):
            actions = model.rollout_buffer.numbers_at("actions", indices).long()
            with torch.no_grad():
                _, found, _ = model.policy.evaluate_all(model.rollout_buffer.seen_at(indices), actions)
            stored = model.rollout_buffer.numbers_at("log_probs", indices)
            torch.testing.assert_close(found, stored, rtol=0, atol=1e-5)
        model.train()
