"""The interface of networks: from observations, and what was remembered, to the features of the heads.

Exported zips carry this package along, so it must not import the rest of the project.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor


class Seen(NamedTuple):
    """Sequences of steps of equal length, one sequence after another; rollouts have sequences of one step."""

    observations: dict[str, torch.Tensor]
    """By name, uint8 (sequences x length, ...)."""
    states: torch.Tensor
    """What was remembered before the first step of each sequence, float32 (sequences, state_size)."""
    starts: torch.Tensor
    """Whether a step begins an episode, bool (sequences x length,). What came before must be forgotten."""
    masks: torch.Tensor | None = None
    """Which actions may be chosen, 0 or 1, (sequences x length, actions); None: all. For the heads alone."""

    @property
    def length(self) -> int:
        """Steps of each sequence."""
        return len(self.starts) // max(1, len(self.states))


class Features(NamedTuple):
    """What a network computes from ``Seen``."""

    actor: torch.Tensor
    """Inputs of the actor's hidden layers, float32 (sequences x length, width)."""
    critic: torch.Tensor
    """Inputs of the critic's hidden layers, of the same shape."""
    states: torch.Tensor
    """What is remembered after the last step of each sequence, float32 (sequences, state_size)."""


class Network(BaseFeaturesExtractor):
    """A network below the hidden layers and heads of a NetworkPolicy; a network of your own is a subclass.

    ``width``: number of features. A network that remembers sets ``state_size``, the numbers that it keeps for
    each environment. It must compute the same features whether an episode comes in one sequence or in several
    with the state carried over, and may use nothing from before a step that begins an episode.
    """

    state_size = 0

    def __init__(self, observation_space: spaces.Dict, width: int) -> None:
        super().__init__(observation_space, features_dim=width)

    def forward(self, seen: Seen) -> Features:
        """Compute the features of every step and the new states."""
        raise NotImplementedError
