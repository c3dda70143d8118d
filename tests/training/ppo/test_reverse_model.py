"""The reverse model: its transitions, its gradients, and that it changes nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.training.conftest import TINY
from tests.training.ppo.conftest import Make
from tests.training.ppo.test_pipelined_ppo import rollout
from training.policies.reverse_network import ReverseNetwork, Transitions
from training.ppo.pipelined_ppo import PipelinedPPO
from training.ppo.reverse_model import ReverseModel, within_episodes

# Every environment reaches its time limit twice in a rollout.
CONFIG = {
    **TINY,
    "num_envs": 4,
    "workers": 2,
    "max_steps": 10,
    "n_steps": 24,
    "batch_size": 48,
    "n_epochs": 2,
}
LSTM = {"kind": "lstm", "width": 16, "sequence": 6}
GPT2 = {"kind": "gpt2", "max_input_states": 4, "d_model": 16, "num_layers": 1, "num_heads": 2, "sequence": 6}
POLICIES: list[dict[str, Any] | None] = [None, LSTM, GPT2]
IDS = ["tiles", "lstm", "gpt2"]


def reverse_of(model: PipelinedPPO) -> ReverseModel:
    assert model.reverse_model is not None
    return model.reverse_model


def weights(model: PipelinedPPO) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.policy.state_dict().items()}


def gradient(model: PipelinedPPO) -> dict[str, torch.Tensor]:
    """Each parameter's gradient of the error alone."""
    model.policy.optimizer.zero_grad()
    reverse_of(model).begin(model.rollout_buffer)
    assert reverse_of(model).learn(model) is not None
    found = model.policy.named_parameters()
    return {name: parameter.grad for name, parameter in found if parameter.grad is not None}


@pytest.mark.parametrize("policy", POLICIES, ids=IDS)
def test_with_coefficient_0_it_learns_and_the_run_is_that_without_it(make: Make, policy: Any) -> None:
    found = []
    for section in (None, {"coefficient": 0.0}):
        model = make(policy=policy, reverse_model=section)
        model.learn(192)
        found.append(weights(model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    before = reverse_of(model).snapshot()["network"]
    model.train()
    after = reverse_of(model).snapshot()["network"]
    assert all((before[name] != after[name]).any() for name in before)
    model.reverse_model = None
    assert make(policy=policy).reverse_model is None


@pytest.mark.parametrize("policy", POLICIES, ids=IDS)
def test_its_error_reaches_the_encoders_times_the_coefficient(make: Make, policy: Any) -> None:
    """And nothing above the features: hidden layers, actor and critic."""
    found = []
    for coefficient in (0.5, 1.0):
        model = make(policy=policy, reverse_model={"coefficient": coefficient})
        rollout(model)
        found.append(gradient(model))
    assert found[0] and found[0].keys() == found[1].keys()
    assert all("features_extractor" in name for name in found[0])
    for name, tensor in found[1].items():
        torch.testing.assert_close(found[0][name], tensor / 2, rtol=1e-4, atol=1e-7)
    assert any(tensor.any() for tensor in found[0].values())


@pytest.mark.parametrize("policy", POLICIES, ids=IDS)
def test_transitions_stay_within_episodes(make: Make, policy: Any) -> None:
    """The steps that it may draw are those whose next one is in the buffer and in the same episode."""
    model = make(policy=policy, reverse_model={})
    buffer, reverse = rollout(model), reverse_of(model)
    reverse.begin(buffer)
    follows = reverse._follows.reshape(24, 4)
    for step in range(24):
        last = step == 23 or (policy is not None and step % 6 == 5)
        wanted = np.zeros(4, np.bool_) if last else buffer.episode_starts[step + 1] == 0
        assert (follows[step] == wanted).all()
    assert not follows[[9, 19]].any() and follows.any()
    for _ in range(20):
        drawn = reverse._draw(buffer)
        assert policy is not None or follows.reshape(-1)[drawn].all()


def test_what_the_network_gets_is_what_happened(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features before and after, the action between, and the value after, for each transition drawn."""
    model = make(reverse_model={"batch_size": 40})
    buffer, reverse = rollout(model), reverse_of(model)
    reverse.begin(buffer)
    shown: list[Transitions] = []
    errors = ReverseNetwork.errors
    monkeypatch.setattr(
        ReverseNetwork, "errors", lambda net, steps: shown.append(steps) or errors(net, steps)
    )
    drawn = np.flatnonzero(reverse._follows)
    reverse._errors(model, drawn)
    with torch.no_grad():
        features = model.policy.actor_features(buffer.seen_at(np.arange(24 * 4)))
    values = buffer.values.reshape(-1)
    for name, wanted in {
        "before": features[drawn],
        "after": features[drawn + 4],
        "actions": torch.from_numpy(buffer.actions.reshape(-1)[drawn]).long(),
        "values": torch.from_numpy((values[drawn + 4] - values.mean()) / values.std()).float(),
    }.items():
        torch.testing.assert_close(getattr(shown[0], name), wanted, rtol=1e-4, atol=1e-4)


def test_an_error_of_1_is_that_of_zeros_and_it_falls_with_learning() -> None:
    torch.manual_seed(0)
    network = ReverseNetwork(16, 7, (64,))
    after, actions, values = torch.randn(256, 16), torch.arange(256) % 7, torch.randn(256)
    before = after.roll(1, dims=1) + torch.eye(16)[actions]
    steps = Transitions(before, after, actions, values)
    for parameter in network.layers[-1].parameters():
        torch.nn.init.zeros_(parameter)
    assert network.errors(steps).mean().item() == pytest.approx(1, abs=1e-3)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        network.errors(steps).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert network.errors(steps).mean().item() < 0.3
    assert network(after, (actions + 1) % 7, values).ne(network(after, actions, values)).any()
    assert network(after, actions, values + 1).ne(network(after, actions, values)).any()


def test_its_error_falls_on_what_was_played(make: Make) -> None:
    model = make(reverse_model={"coefficient": 0.0, "learning_rate": 3e-3})
    buffer, reverse = rollout(model), reverse_of(model)
    reverse.begin(buffer)
    errors = [reverse.learn(model) for _ in range(60)]
    assert np.mean(errors[-5:]) < 0.5 * np.mean(errors[:5])  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", POLICIES, ids=IDS)
def test_it_continues_from_a_snapshot(make: Make, policy: Any) -> None:
    model = make(policy=policy, reverse_model={})
    buffer, reverse = rollout(model), reverse_of(model)
    reverse.begin(buffer)
    reverse.learn(model)
    kept = reverse.snapshot()
    errors = [reverse.learn(model) for _ in range(3)]
    reverse.restore(kept)
    assert [reverse.learn(model) for _ in range(3)] == errors
    with pytest.raises((ValueError, KeyError)):
        reverse.restore({**kept, "network": {}})


def test_rollouts_without_transitions_teach_nothing(make: Make) -> None:
    model = make(reverse_model={}, max_steps=1)
    buffer, reverse = rollout(model), reverse_of(model)
    reverse.begin(buffer)
    assert buffer.episode_starts.all() and reverse.learn(model) is None
    model.train()


def test_only_results_that_arrived_are_learned_from(make: Make) -> None:
    model = make(reverse_model={})
    buffer, reverse = rollout(model), reverse_of(model)
    buffer.valid = np.ones((24, 4), np.bool_)
    buffer.valid[5, 2] = buffer.valid[8:, 3] = False
    reverse.begin(buffer)
    follows = reverse._follows.reshape(24, 4)
    assert not follows[[4, 5], 2].any() and follows[[3, 6], 2].all()
    assert not follows[7:, 3].any() and follows[:7, 3].all()


@pytest.mark.parametrize("policy", POLICIES, ids=IDS)
def test_as_a_learned_reward_it_pays_its_error(make: Make, policy: Any) -> None:
    """For each step that another of its episode follows, also where a sequence ends."""
    section: dict[str, Any] = {"policy": policy, "reverse_model": {"coefficient": 0.0}}
    without = rollout(make(**section))
    model = make(**section, intrinsic={"kind": "reverse", "coefficient": 0.5})
    buffer = rollout(model)
    assert (buffer.actions == without.actions).all(), "the policy and its chance are the same"
    paid = (buffer.rewards - without.rewards) / 0.5
    follows = within_episodes(buffer)
    assert follows.sum() == 4 * (9 + 9 + 3) and not paid[~follows].any() and (paid[follows] > 0.1).all()
    assert not np.allclose(buffer.advantages, without.advantages)
    reverse = reverse_of(model)
    reverse.begin(buffer)
    learned = reverse._follows.reshape(24, 4)
    assert (learned <= follows).all(), "those at which a sequence ends are paid for, but not learned from"
    steps = np.flatnonzero(learned)
    if buffer.sequence:
        steps = np.arange(96).reshape(-1, 6, 4).swapaxes(1, 2).reshape(-1)
    errors = reverse._errors(model, steps).detach().numpy()
    shown = paid.reshape(-1)[steps[reverse._follows[steps]]]
    np.testing.assert_allclose(shown, errors, rtol=1e-3, atol=1e-4)
    model.train()
    assert model.logger.name_to_value["reverse_model/error"] > 0


def test_a_learned_reward_keeps_no_state_of_its_own(make: Make) -> None:
    model = make(reverse_model={}, intrinsic={"kind": "reverse", "gamma": 0.9})
    assert model.intrinsic is not None
    model.learn(192)
    assert model.intrinsic.model.state() == {}
    model.intrinsic.model.restore({})
    with pytest.raises(ValueError, match="must be empty"):
        model.intrinsic.model.restore({"network": 1})
