"""Policies with memory: one sequence is the same as its steps one by one, and episodes are kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.policies.recurrent import made, page_example, picked, random_seen
from training.policies.lstm import LstmNetwork
from training.policies.network_policy import NetworkPolicy

LENGTH = 7
KINDS: dict[str, dict[str, Any]] = {
    "gru": {"settings": {"width": 8}},
    "lstm": {"kind": "lstm", "width": 8},
    "deep": {"kind": "lstm", "width": 8, "layers": 2, "separate": True},
    "gpt2": {"kind": "gpt2", "max_input_states": 5, "d_model": 8, "num_layers": 2, "num_heads": 2},
}


@pytest.fixture(params=KINDS)
def policy(request: pytest.FixtureRequest, tmp_path: Path) -> NetworkPolicy:
    section = KINDS[request.param]
    return made(section if "kind" in section else {"kind": f"{page_example(tmp_path)}:Gru", **section})


@torch.no_grad()
def test_a_sequence_is_the_same_as_its_steps_one_by_one(policy: NetworkPolicy) -> None:
    """Episodes begin at the first step and at the fifth; of another sequence at none."""
    seen = random_seen(policy, 3, LENGTH, [0, 4])
    seen.starts[LENGTH : 2 * LENGTH] = False
    actions = torch.arange(3 * LENGTH) % 7
    values, log_probs, _ = policy.evaluate_all(seen, actions)
    states = seen.states
    for step in range(LENGTH):
        one = picked(seen, step, states, LENGTH)
        own_values, own_log_probs, _ = policy.evaluate_all(one, actions.view(3, LENGTH)[:, step])
        torch.testing.assert_close(own_values, values.view(3, LENGTH, -1)[:, step], rtol=0, atol=1e-5)
        torch.testing.assert_close(own_log_probs, log_probs.view(3, LENGTH)[:, step], rtol=0, atol=1e-5)
        states = policy.step(one).states
    torch.testing.assert_close(states, policy.network(seen).states, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_sequence_in_two_parts_is_the_same_as_in_one(policy: NetworkPolicy) -> None:
    seen = random_seen(policy, 4, LENGTH, [2])
    whole = policy.network(seen)
    first = policy.network(picked(seen, slice(0, 3), seen.states, LENGTH))
    second = policy.network(picked(seen, slice(3, None), first.states, LENGTH))
    joined = torch.cat([first.actor.unflatten(0, (4, -1)), second.actor.unflatten(0, (4, -1))], dim=1)
    torch.testing.assert_close(joined.flatten(0, 1), whole.actor, rtol=0, atol=1e-5)
    torch.testing.assert_close(second.states, whole.states, rtol=0, atol=1e-5)


def test_nothing_crosses_the_beginning_of_an_episode(policy: NetworkPolicy) -> None:
    """Neither numbers nor gradients; before it the state makes a difference."""
    seen = random_seen(policy, 2, LENGTH, [3])
    seen.states.requires_grad_()
    values, _, _ = policy.evaluate_all(seen, torch.zeros(2 * LENGTH, dtype=torch.long))
    by_step = values.view(2, LENGTH)
    gradients = [
        torch.autograd.grad(by_step[:, step].sum(), seen.states, retain_graph=True, allow_unused=True)[0]
        for step in range(LENGTH)
    ]
    reached = [gradient is not None and bool(gradient.any()) for gradient in gradients]
    assert reached == [True] * 3 + [False] * 4
    with torch.no_grad():
        other, _, _ = policy.evaluate_all(
            seen._replace(states=seen.states.flip(0)), torch.zeros(2 * LENGTH, dtype=torch.long)
        )
    assert torch.equal(other.view(2, LENGTH)[:, 3:], by_step[:, 3:])
    assert (other.view(2, LENGTH)[:, :3] != by_step[:, :3]).all()


def test_predict_carries_a_state_until_an_episode_begins(policy: NetworkPolicy) -> None:
    seen = random_seen(policy, 4, 1)
    observations = {name: tensor.numpy() for name, tensor in seen.observations.items()}
    _, first = policy.predict(observations, deterministic=True)
    _, second = policy.predict(observations, first, np.zeros(4, np.bool_))
    _, again = policy.predict(observations, first, np.array([True, False, True, False]))
    assert first is not None and second is not None and again is not None
    np.testing.assert_allclose(again[0][[0, 2]], first[0][[0, 2]], rtol=0, atol=1e-6)
    np.testing.assert_allclose(again[0][[1, 3]], second[0][[1, 3]], rtol=0, atol=1e-6)
    assert (np.abs(second[0] - first[0]).max(axis=1) > 1e-3).all()
    action, one = policy.predict({name: array[0] for name, array in observations.items()}, deterministic=True)
    assert np.shape(action) == () and one is not None and one[0].shape == (1, policy.state_size)


def test_stable_baselines3_cannot_train_it(policy: NetworkPolicy) -> None:
    with pytest.raises(TypeError, match=r"a policy with memory cannot be trained by stable-baselines3"):
        policy(random_seen(policy, 2, 1).observations)


@torch.no_grad()
def test_an_lstm_computes_what_its_equations_say() -> None:
    """One layer and one step of a sequence, by hand: gates i, f, g, o as torch orders them."""
    policy = made({"kind": "lstm", "width": 4})
    network, seen = policy.network, random_seen(policy, 3, 1)
    assert isinstance(network, LstmNetwork)
    found = network(seen)
    core, features = network.cores[0], network.encoders[0](seen.observations)
    hidden, cell = seen.states[:, :4], seen.states[:, 4:]
    gates = features @ core.weight_ih_l0.T + core.bias_ih_l0 + hidden @ core.weight_hh_l0.T + core.bias_hh_l0
    i, f, g, o = gates.chunk(4, dim=1)
    after = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    output = o.sigmoid() * after.tanh()
    torch.testing.assert_close(found.actor, output)
    torch.testing.assert_close(found.states, torch.cat([output, after], dim=1))
    assert found.actor is found.critic


@torch.no_grad()
def test_actor_and_critic_can_have_a_core_and_encoders_each() -> None:
    policy = made({"kind": "lstm", "width": 4, "separate": True}, network={"separate": True})
    network, seen = policy.network, random_seen(policy, 2, 3, [1])
    assert isinstance(network, LstmNetwork)
    assert (len(network.encoders), len(network.cores), policy.state_size) == (2, 2, 16)
    before = network(seen)
    for parameter in (*network.cores[1].parameters(), *network.encoders[1].parameters()):
        parameter += 0.1
    after = network(seen)
    assert torch.equal(before.actor, after.actor) and (before.critic != after.critic).any()
    assert torch.equal(before.states[:, :8], after.states[:, :8])
    assert (before.states[:, 8:] != after.states[:, 8:]).any()


@torch.no_grad()
def test_any_episodes_give_what_single_steps_give() -> None:
    """Episodes that begin at random steps, also at the first and the last, in each of many sequences."""
    policy = made({"kind": "lstm", "width": 4, "layers": 2})
    seen = random_seen(policy, 40, LENGTH)
    begins = torch.from_numpy(np.random.default_rng(1).random((40, LENGTH)) < 0.3)
    seen = seen._replace(starts=begins.flatten())
    whole, states, found = policy.network(seen), seen.states, []
    for step in range(LENGTH):
        one = policy.network(picked(seen, step, states, LENGTH))
        states = one.states
        found.append(one.actor)
    torch.testing.assert_close(whole.actor, torch.stack(found, dim=1).flatten(0, 1), rtol=0, atol=1e-5)
    torch.testing.assert_close(whole.states, states, rtol=0, atol=1e-5)
