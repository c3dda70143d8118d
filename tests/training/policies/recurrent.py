"""A policy with memory over random observations, for tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from envs.observations import Observations
from envs.red_env import RedEnv
from tests.paths import ROOT
from training.config.loading import load_config
from training.policies.interface import Seen
from training.policies.network_policy import NetworkPolicy
from training.policies.registry import policy_class

SPACE: spaces.Dict = Observations(("facing", "place", "badges")).space


def page_example(folder: Path) -> Path:
    """Write the files of docs/policies.md to ``folder``. Returns that of the network."""
    page = (ROOT / "docs" / "policies.md").read_text("utf-8")
    parts = re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL)
    for name, text in parts:
        (folder / name).write_text(text)
    assert [name for name, _ in parts] == ["remember.py", "remember.json"]
    return folder / "remember.py"


def made(policy: dict[str, Any], **settings: Any) -> NetworkPolicy:
    """The policy of a config with this section, over SPACE."""
    torch.manual_seed(3)
    found = policy_class(load_config(None, {"policy": policy, **settings}), SPACE)
    kwargs = {**found.settings, "ortho_init": False}  # larger weights of the heads: states make a difference
    built = found.kind(SPACE, RedEnv.actions(), lambda _: 0.0, **kwargs)
    assert isinstance(built, NetworkPolicy)
    return built


def random_seen(policy: NetworkPolicy, sequences: int, length: int, starts: list[int] | None = None) -> Seen:
    """Random sequences with random states. ``starts``: the steps of each sequence that begin an episode."""
    generator = np.random.default_rng(5)
    steps = sequences * length
    observations = {
        name: torch.from_numpy(
            generator.integers(0, part.high, (steps, *part.shape), np.uint8, endpoint=True)
        )
        for name, part in SPACE.spaces.items()
        if isinstance(part, spaces.Box)
    }
    states = torch.from_numpy(generator.normal(0, 1, (sequences, policy.state_size)).astype(np.float32))
    begins = torch.zeros(sequences, length, dtype=torch.bool)
    begins[:, starts or []] = True
    return Seen(observations, states, begins.flatten())


def picked(seen: Seen, steps: Any, states: torch.Tensor, length: int) -> Seen:
    """Some ``steps`` of every sequence (a slice, or a number), with other states before them."""
    rows = torch.arange(len(seen.starts)).view(len(seen.states), length)[:, steps].flatten()
    observations = {name: tensor[rows] for name, tensor in seen.observations.items()}
    return Seen(observations, states, seen.starts[rows])
