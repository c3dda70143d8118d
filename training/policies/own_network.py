"""Networks of the user's: classes that are tried before a run, so that mistakes become one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from gymnasium import spaces

from envs.user_classes import UserClass
from training.policies.interface import Features, Network, Seen

KIND = "policy"
SEQUENCES, LENGTH = 3, 2
"""Of the trial."""


def own_network(spec: str, settings: Mapping[str, Any], space: spaces.Dict) -> Network:
    """Return an instance, which was tried, of the user's class ``spec``, FILE.py:CLASS or MODULE:CLASS.

    Raises UserError if it is missing, is no Network, cannot be made with ``settings``, or computes features
    of other shapes than it says. torch's random generators are not affected.
    """
    own = UserClass(KIND, spec)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = own.make(observation_space=space, **settings)
        if not isinstance(network, Network):
            raise own.wrong("the class must be a subclass of training.policies.interface.Network")
        size = network.state_size
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise own.wrong(f"state_size is {size!r}: it must be a whole number, at least 0")
        _check(own, network, own.call("forward()", network, _zeros(space, size)))
    return network


def _zeros(space: spaces.Dict, state_size: int) -> Seen:
    steps = SEQUENCES * LENGTH if state_size else SEQUENCES
    observations = {
        name: torch.zeros(steps, *(part.shape or ()), dtype=torch.uint8)
        for name, part in space.spaces.items()
    }
    return Seen(observations, torch.zeros(SEQUENCES, state_size), torch.zeros(steps, dtype=torch.bool))


def _check(own: UserClass, network: Network, found: Any) -> None:
    if not isinstance(found, Features):
        raise own.wrong(
            f"forward() gave a {type(found).__name__}: it must give Features(actor, critic, states)"
        )
    steps = SEQUENCES * LENGTH if network.state_size else SEQUENCES
    wanted = {
        "actor": (steps, network.features_dim),
        "critic": (steps, network.features_dim),
        "states": (SEQUENCES, network.state_size),
    }
    for name, shape in wanted.items():
        tensor = getattr(found, name)
        if not isinstance(tensor, torch.Tensor) or tensor.shape != shape or tensor.dtype != torch.float32:
            got = (
                f"{tensor.dtype} {tuple(tensor.shape)}"
                if isinstance(tensor, torch.Tensor)
                else f"a {type(tensor).__name__}"
            )
            raise own.wrong(f"{name} of forward() is {got}: it must be torch.float32 {shape}")
