"""Tests of policies with memory in rollouts whose results arrive in any order, late, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.ppo.scripted import ROWS, Make, News, Scripted, in_turns, rollout, scripted_models
from training.ppo import async_rollout
from training.ppo.async_ppo import AsyncPPO

REMEMBERING: dict[str, dict[str, Any]] = {
    "lstm": {"kind": "lstm", "width": 16, "sequence": 6},
    "gpt2": {
        "kind": "gpt2", "max_input_states": 5, "d_model": 16, "num_layers": 2, "num_heads": 2, "sequence": 6,
    },
}  # fmt: skip


@pytest.fixture
def make() -> Iterator[Make]:
    """See scripted_models."""
    yield from scripted_models()


def updates_agree(model: AsyncPPO) -> None:
    """Check that updates compute what rollouts stored, for every step that has a result, to 1e-5."""
    buffer, learned = model.rollout_buffer, []
    for indices in buffer.minibatches(12):
        actions = buffer.numbers_at("actions", indices).long()
        with torch.no_grad():
            values, log_probs, _ = model.policy.evaluate_all(buffer.seen_at(indices), actions)
        invalid = buffer.invalid_at(indices)
        kept = np.arange(len(indices)) if invalid is None else np.flatnonzero(~invalid)
        stored = buffer.numbers_at("log_probs", indices[kept])
        torch.testing.assert_close(log_probs[kept], stored, rtol=0, atol=1e-5)
        stored = buffer.numbers_at("values", indices[kept])
        torch.testing.assert_close(values[kept, 0], stored, rtol=0, atol=1e-5)
        learned += indices[kept].tolist()
    assert buffer.valid is not None
    assert sorted(learned) == np.flatnonzero(buffer.valid).tolist()


@pytest.mark.parametrize("kind", REMEMBERING)
def test_memory_follows_groups_that_are_late(make: Make, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Group 1 hangs in row 3: the next rollout begins with its step, and with what it remembered before."""
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

    model, env = make(script, policy=REMEMBERING[kind], max_steps=100)
    model.late_factor = 1.01
    buffer, late = rollout(model), env.groups[1]
    assert buffer.valid is not None
    assert (buffer.valid.sum(axis=0) == [ROWS, ROWS, 3, 3]).all()
    updates_agree(model)
    log_probs = buffer.log_probs[3, late].copy()
    env.script, model.late_factor = in_turns, 1000.0
    buffer = rollout(model, first=False)
    assert (buffer.log_probs[0, late] == log_probs).all()
    assert buffer.states[0].any(axis=1).all() and not buffer.episode_starts[0].any()
    updates_agree(model)
    model.train()


@pytest.mark.parametrize("kind", REMEMBERING)
def test_updates_learn_nothing_from_rows_without_a_result(make: Make, kind: str) -> None:
    """Group 1 is lost in row 4. What its rows after that hold does not matter to the gradient."""

    def script(env: Scripted) -> News:
        group = min(env.under_way, key=lambda one: steps[one])
        env.losing |= {1} if group == 1 and steps[1] == 4 else set()
        steps[group] += 1
        return group, True

    model, env = make(script, policy=REMEMBERING[kind])
    steps = {0: 0, 1: 0}
    buffer, lost = rollout(model), env.groups[1]
    assert buffer.valid is not None
    assert buffer.valid[:, lost].all(axis=1).tolist() == [row < 4 for row in range(ROWS)]
    updates_agree(model)
    indices = np.concatenate(list(buffer.minibatches(12)))
    assert len(indices) == 2 * ROWS + 2 * 6, "sequences without any result are left out"
    gradients = []
    for garbage in (0.0, 1e6):
        for name in ("log_probs", "advantages", "returns", "values"):
            getattr(buffer, name)[4:, lost] = garbage
        model.gradient(indices, 0.2)
        gradients.append([p.grad.clone() for p in model.policy.parameters() if p.grad is not None])
    assert all(torch.equal(one, two) for one, two in zip(*gradients, strict=True))
