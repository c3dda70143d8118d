"""The network: bits in the game's order, codes as flags, everything of the real observations used."""

from __future__ import annotations

import numpy as np
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from envs.observations import Observations
from envs.ram import GameState
from training.config import NetworkConfig
from training.policy import EventBits, GameFeatures, OneHot


@given(st.integers(0, 2559))
def test_event_n_is_input_n(number: int) -> None:
    events = np.zeros(320, np.uint8)
    events[number // 8] = 1 << number % 8
    assert GameState(event_bytes=events.tobytes()).has_event(number)
    layer = EventBits(320, 1)
    with torch.no_grad():
        layer.layer.weight.copy_(torch.arange(2560.0))
        layer.layer.bias.fill_(1.0)
        assert layer(torch.from_numpy(events).float().unsqueeze(0)).item() == number + 1


def test_codes_become_flags() -> None:
    flags = OneHot(8)(torch.tensor([[0.0, 7.0, 3.0]]))
    assert flags.shape == (1, 24)
    assert flags.nonzero()[:, 1].tolist() == [0, 15, 19]


def test_every_observation_reaches_the_features() -> None:
    space = Observations().space
    features = GameFeatures(space, NetworkConfig())
    torch.manual_seed(0)
    inputs = {}
    for name, box in space.spaces.items():
        assert isinstance(box, spaces.Box)
        scale = 255 if len(box.shape) == 3 else 1  # pictures arrive in 0..1
        inputs[name] = (torch.randint(0, int(box.high.max()) + 1, (2, *box.shape)) / scale).float()
    base = features(inputs)
    assert base.shape == (2, features.features_dim)
    for name, values in inputs.items():
        changed = torch.where(values == 0, torch.ones_like(values), torch.zeros_like(values))
        assert not torch.equal(base, features({**inputs, name: changed})), name


def test_the_default_network_is_small() -> None:
    features = GameFeatures(Observations().space, NetworkConfig())
    assert sum(p.numel() for p in features.parameters()) < 400_000


def test_a_config_may_leave_observations_out() -> None:
    features = GameFeatures(Observations(("facing", "badges")).space, NetworkConfig(numbers=5))
    assert features.features_dim == 5
