"""Tests of the network: bits in the game's order, one-hot codes, every observation used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from envs.observation_names import OBSERVATION_NAMES
from envs.observation_parts.table import PARTS
from envs.observations import Observations
from envs.ram import GameState
from training.config.sections.network import NetworkConfig
from training.policies.encoders import EventEncoder, IdEncoder, OneHotEncoder
from training.policies.features import IDS, GameFeatures
from training.policies.popart import PopArtHead
from training.policies.tile_policy import OF_THE_LAYERS, GamePolicy, policy_kwargs

WIDTHS = NetworkConfig().model_dump(exclude=OF_THE_LAYERS)


@given(st.integers(0, 2559))
def test_event_n_is_input_n(number: int) -> None:
    events = np.zeros(320, np.uint8)
    events[number // 8] = 1 << number % 8
    assert GameState(event_bytes=events.tobytes()).has_event(number)
    layer = EventEncoder(320, 1)
    with torch.no_grad():
        layer.layer.weight.copy_(torch.arange(2560.0))
        layer.layer.bias.fill_(1.0)
        assert layer(torch.from_numpy(events).unsqueeze(0)).item() == number + 1


def test_codes_are_one_hot_encoded() -> None:
    flags = OneHotEncoder(8)(torch.tensor([[0, 7, 3]], dtype=torch.uint8))
    assert flags.shape == (1, 24)
    assert flags.nonzero()[:, 1].tolist() == [0, 15, 19]


@pytest.mark.parametrize("name", OBSERVATION_NAMES)
def test_the_policy_knows_which_values_are_ids(name: str) -> None:
    assert IDS.get(name, ()) == PARTS[name].ids


def test_ids_are_looked_up_by_kind_and_numbers_scaled() -> None:
    encoder = IdEncoder(["map", "move", "map"], [0, 2, 3], [1, 0.5, 1, 1, 0.1], embedding=2, features=8)
    with torch.no_grad():
        encoder.tables.weight.copy_(torch.arange(1024.0).view(512, 2))
        encoder.layer.weight.copy_(torch.eye(8))
        encoder.layer.bias.zero_()
        out = encoder(torch.tensor([[3, 40, 255, 3, 7]], dtype=torch.uint8))[0]
    maps, moves = [6, 7], [2 * (256 + 255), 2 * (256 + 255) + 1]
    assert out.tolist() == pytest.approx([*maps, *moves, *maps, 20, 0.7])


def test_one_map_more_changes_the_features_as_much_as_any_other() -> None:
    torch.manual_seed(0)
    encoder = GameFeatures(Observations(["place"]).space, **WIDTHS)
    at = lambda number: {"place": torch.tensor([[number, 0, 9, 9, 9, 9, 0, 0, 0]], dtype=torch.uint8)}  # noqa: E731
    near, far = ((encoder(at(0)) - encoder(at(other))).norm().item() for other in (1, 200))
    assert 0.5 < near / far < 2


@pytest.mark.parametrize("cnn", ["tiles", "nature"])
def test_every_observation_reaches_the_features(cnn: str) -> None:
    space = Observations(OBSERVATION_NAMES).space
    features = GameFeatures(space, **{**WIDTHS, "cnn": cnn})
    torch.manual_seed(0)
    inputs = {}
    for name, box in space.spaces.items():
        assert isinstance(box, spaces.Box)
        inputs[name] = torch.randint(0, int(box.high.max()) + 1, (2, *box.shape), dtype=torch.uint8)
    base = features(inputs)
    assert base.shape == (2, features.features_dim)
    assert torch.equal(base, features(dict(reversed(inputs.items())))), "in any order"
    for name, values in inputs.items():
        changed = torch.where(values == 0, torch.ones_like(values), torch.zeros_like(values))
        assert not torch.equal(base, features({**inputs, name: changed})), name


def _operations(**widths: Any) -> int:
    """Floating-point operations for the features of one observation."""
    space = Observations().space
    features = GameFeatures(space, **{**WIDTHS, **widths})
    blank = {name: torch.zeros(1, *box.shape, dtype=torch.uint8) for name, box in space.spaces.items()}
    with FlopCounterMode(display=False) as counter:
        features(blank)
    return int(counter.get_total_flops())


def test_the_default_network_takes_a_quarter_of_the_nature_cnns_operations() -> None:
    assert 0 < 4 * _operations() < _operations(cnn="nature", picture=512, visited=256)


def test_a_config_may_leave_observations_out() -> None:
    features = GameFeatures(Observations(("facing", "badges")).space, **{**WIDTHS, "numbers": 5})
    assert features.features_dim == 5


def _policy(normalize_value: bool = False, **network: Any) -> GamePolicy:
    settings = policy_kwargs(NetworkConfig(**network), normalize_value=normalize_value)
    return GamePolicy(Observations().space, spaces.Discrete(7), lambda _: 3e-4, **settings)


@pytest.mark.parametrize("network", [{}, {"separate": True, "activation": "tanh"}], ids=str)
def test_the_policy_computes_what_stable_baselines3_does(network: dict[str, Any]) -> None:
    space = Observations().space
    policy = _policy(normalize_value=True, **network)
    for parameter in policy.action_net.parameters():
        torch.nn.init.normal_(parameter)  # otherwise all actions are almost equally likely
    inputs = {
        name: torch.randint(0, int(box.high.max()) + 1, (9, *box.shape), dtype=torch.uint8)  # type: ignore[attr-defined]
        for name, box in space.spaces.items()
    }
    torch.manual_seed(3)
    actions, values, log_probs = policy(inputs)
    distribution = policy.get_distribution(inputs)
    torch.manual_seed(3)
    assert torch.equal(actions, distribution.sample()), "the same draws from the same seed"
    torch.testing.assert_close(log_probs, distribution.log_prob(actions))
    torch.testing.assert_close(values, policy.predict_values(inputs))
    evaluated = policy.evaluate_actions(inputs, actions)
    torch.testing.assert_close(evaluated, (values, log_probs, distribution.entropy()))
    assert torch.equal(policy(inputs, deterministic=True)[0], distribution.mode())


def _reached(policy: GamePolicy, part: int) -> set[str]:
    """Names of the parameters on which log-probabilities (0) or values (1) depend."""
    inputs = {
        name: torch.ones(2, *box.shape, dtype=torch.uint8)  # type: ignore[misc]
        for name, box in policy.observation_space.spaces.items()  # type: ignore[attr-defined]
    }
    torch.autograd.backward(policy._heads(inputs)[part].square().sum())
    found = {name for name, parameter in policy.named_parameters() if parameter.grad is not None}
    policy.zero_grad()
    return found


def test_separate_networks_share_no_weight() -> None:
    together = _policy()
    assert _reached(together, 0) & _reached(together, 1) == {
        name for name, _ in together.named_parameters() if name.startswith("features_extractor")
    }
    apart = _policy(separate=True)
    actor, critic = _reached(apart, 0), _reached(apart, 1)
    assert not actor & critic
    assert actor | critic == {name for name, _ in apart.named_parameters()}
    assert len(actor) == len(critic)


@pytest.mark.parametrize(("name", "kind"), [("relu", nn.ReLU), ("tanh", nn.Tanh), ("elu", nn.ELU)])
def test_the_activation_is_that_of_the_hidden_layers(name: str, kind: type[nn.Module]) -> None:
    policy = _policy(activation=name, hidden=(8, 6))
    for net in (policy.mlp_extractor.policy_net, policy.mlp_extractor.value_net):
        assert [type(layer) for layer in net][1::2] == [kind, kind]


def test_weights_are_orthogonal_at_first_or_torchs_default() -> None:
    def product(**network: Any) -> torch.Tensor:
        torch.manual_seed(0)
        weight = _policy(**network).mlp_extractor.policy_net[0].weight  # type: ignore[union-attr]
        assert isinstance(weight, torch.Tensor)
        return weight @ weight.t()

    two = 2 * torch.eye(128)  # rows of length sqrt(2), as in stable-baselines3
    torch.testing.assert_close(product(), two, rtol=0, atol=1e-4)
    assert (product(init="default") - two).abs().max() > 0.1


def test_a_saved_policy_is_loaded_with_its_statistics(tmp_path: Path) -> None:
    policy = _policy(normalize_value=True, separate=True)
    assert isinstance(policy.value_net, PopArtHead)
    policy.value_net.follow(torch.arange(50.0))
    policy.save(str(tmp_path / "policy.pt"))
    loaded = GamePolicy.load(str(tmp_path / "policy.pt"))
    assert all(map(torch.equal, loaded.state_dict().values(), policy.state_dict().values()))
    assert isinstance(loaded.value_net, PopArtHead)
    assert loaded.value_net.returns.std() == policy.value_net.returns.std()


def test_logits_that_are_not_finite_raise() -> None:
    policy = GamePolicy(
        Observations(("badges",)).space, spaces.Discrete(7), lambda _: 1.0, **policy_kwargs(NetworkConfig())
    )
    with torch.no_grad():
        policy.action_net.bias[3] = torch.nan
    with pytest.raises(ValueError, match="not finite"):
        policy({"badges": torch.zeros(1, 8, dtype=torch.uint8)})
