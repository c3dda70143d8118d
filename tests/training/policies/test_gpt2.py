"""GPT-2 over a window of steps: positions, padding, what is out of reach, and what is not in the weights."""

from __future__ import annotations

import importlib.util
import socket
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from transformers import GPT2Model

from envs.errors import UserError
from tests.training.policies.recurrent import SPACE, made, picked, random_seen
from training.config.loading import load_config
from training.policies.gpt2 import Gpt2Network
from training.policies.network_policy import NetworkPolicy
from training.policies.registry import policy_class

WINDOW, LENGTH = 4, 9
SECTION: dict[str, Any] = {
    "kind": "gpt2", "max_input_states": WINDOW, "d_model": 8, "num_layers": 3, "num_heads": 2,
}  # fmt: skip


@pytest.fixture
def policy() -> NetworkPolicy:
    return made(SECTION)


def network_of(policy: NetworkPolicy) -> Gpt2Network:
    assert isinstance(policy.network, Gpt2Network)
    return policy.network


@torch.no_grad()
def test_it_is_transformers_gpt2_over_the_steps_of_an_episode_without_padding(policy: NetworkPolicy) -> None:
    """Windows of one to four steps, given to GPT-2 alone and as they are, with the last positions."""
    network, seen = network_of(policy), random_seen(policy, 1, LENGTH, [0, 6])
    model = network.transformer
    assert isinstance(model, GPT2Model)
    frames, found = network.frame(network.encoder(seen.observations)), network(seen).actor
    for step in range(LENGTH):
        first = max(step - WINDOW + 1, 6 if step >= 6 else 0)
        window = frames[None, first : step + 1]
        places = torch.arange(WINDOW - window.shape[1], WINDOW)[None]
        alone = model(inputs_embeds=window, position_ids=places).last_hidden_state[0, -1]
        torch.testing.assert_close(found[step], alone, rtol=0, atol=1e-5)


@torch.no_grad()
def test_any_episodes_give_what_single_steps_give(policy: NetworkPolicy) -> None:
    """Episodes that begin at random steps of many sequences, which begin with what was remembered."""
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


def test_the_window_is_what_a_step_depends_on_and_no_more(policy: NetworkPolicy) -> None:
    """Gradients to the encoded steps, in spite of three layers; earlier steps of the window have them too."""
    network, seen = network_of(policy), random_seen(policy, 1, LENGTH, [0])
    frames: list[torch.Tensor] = []

    def keep(_: Any, __: Any, found: torch.Tensor) -> None:
        found.retain_grad()
        frames.append(found)

    network.frame.register_forward_hook(keep)
    network(seen).actor[7].square().sum().backward()  # type: ignore[no-untyped-call]
    assert frames[0].grad is not None
    assert frames[0].grad.any(dim=1).tolist() == [False] * 4 + [True] * 4 + [False]


def test_frames_are_kept_once(policy: NetworkPolicy) -> None:
    """Those before the newest, each with a flag, and zeros where the episode has none."""
    network, seen = network_of(policy), random_seen(policy, 1, LENGTH, [0, 7])
    with torch.no_grad():
        frames, states = network.frame(network.encoder(seen.observations)), network(seen).states
    kept = states.view(WINDOW - 1, 1 + 8)
    assert policy.state_size == (WINDOW - 1) * (1 + 8)
    assert kept[:, 0].tolist() == [0, 1, 1] and not kept[0].any()
    assert torch.equal(kept[1:, 1:], frames[7:])


def test_the_weights_have_no_embedding_of_tokens_and_one_of_each_position(policy: NetworkPolicy) -> None:
    names = [name for name, _ in policy.named_parameters()]
    assert not [name for name in names if "wte" in name]
    assert network_of(policy).transformer.wpe.weight.shape == (WINDOW, 8)
    actions = torch.zeros(2 * LENGTH, dtype=torch.long)
    values, log_probs, _ = policy.evaluate_all(random_seen(policy, 2, LENGTH, [0]), actions)
    used = torch.autograd.grad((values.sum() + log_probs.sum()), list(policy.parameters()), allow_unused=True)
    assert [name for name, gradient in zip(names, used, strict=True) if gradient is None] == []


def test_weights_come_from_the_seed_and_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> NoReturn:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    first, second = (dict(made(SECTION).named_parameters()) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first["features_extractor.transformer.h.0.mlp.c_fc.weight"].std() > 0.01


def test_without_transformers_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "transformers" else find(name, *more)
    )
    with pytest.raises(UserError) as error:
        policy_class(load_config(None, {"policy": SECTION}), SPACE)
    assert str(error.value) == "policy gpt2: transformers is not installed; pip install -e '.[gpt]'"
