"""The interface of learned rewards: a model that scores the steps of a rollout and learns from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

Observations = Mapping[str, NDArray[np.uint8]]
Scores = NDArray[np.float32]
Log = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout of ``n_steps`` steps in each of ``n_envs`` environments, as views that must not be changed.

    Rows of ``valid`` that are False hold no step, since the result of an action is missing (see AsyncPPO).
    """

    observations: Observations
    """What each action was chosen for: uint8 (n_steps, n_envs, ...) by name."""
    last: Observations
    """What followed the last step: uint8 (n_envs, ...) by name."""
    actions: NDArray[np.int64]
    """(n_steps, n_envs)."""
    episode_starts: NDArray[np.bool_]
    """Whether a step is the first of an episode, (n_steps, n_envs)."""
    dones: NDArray[np.bool_]
    """Whether the last step ended an episode, (n_envs,)."""
    cells: NDArray[np.uint64]
    """The cell that each step led to (see envs.cells), (n_steps, n_envs); 0: none."""
    valid: NDArray[np.bool_]
    """(n_steps, n_envs)."""

    @property
    def shape(self) -> tuple[int, int]:
        """``n_steps`` and ``n_envs``."""
        return self.valid.shape[0], self.valid.shape[1]

    def after(self, name: str, step: int) -> NDArray[np.uint8]:
        """Return the observation ``name`` that followed ``step``, uint8 (n_envs, ...).

        Where the step ended an episode, it is the first of the next episode.
        """
        return self.last[name] if step + 1 == self.shape[0] else self.observations[name][step + 1]


@dataclass(frozen=True, slots=True)
class Demonstrated:
    """Moments of demonstrations in the order in which they were played, episode after episode."""

    observations: Observations
    """uint8 (n, ...) by name."""
    ends: NDArray[np.bool_]
    """The last moment of each episode, (n,)."""
    learned: NDArray[np.int64]
    """Indices of the moments to learn from, without those at which a random action was taken."""
    held_out: NDArray[np.int64]
    """The same for the episodes to measure with."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a model is created for: the observations, the number of environments, the run's seed."""

    space: spaces.Dict
    n_envs: int
    seed: int


class RewardModel(ABC):
    """A learned reward. For each rollout, ``score`` is called once and then ``update``.

    How its scores are mixed with the game's reward is part of the config: see
    ``training.config.sections.intrinsic.IntrinsicConfig``.
    """

    @property
    def random_steps(self) -> int:
        """Steps of random play that ``warm_up`` needs before training starts; 0: none."""
        return 0

    def warm_up(self, observations: Observations) -> None:  # noqa: B027 - most models need none
        """Take in observations of random play, uint8 (n, ...) by name."""

    @property
    def needs_demonstrations(self) -> bool:
        """Whether ``learn_demonstrations`` must be called before the first rollout."""
        return False

    def learn_demonstrations(self, demonstrated: Demonstrated, log: Log) -> None:  # noqa: B027 - see warm_up
        """Take in demonstrations, once in a run. ``log`` is called with a count and curves by name.

        Raises UserError if there are too few.
        """

    @abstractmethod
    def score(self, rollout: Rollout) -> Scores:
        """Return a finite reward for each step, float32 (n_steps, n_envs). Those of invalid rows are ignored.

        Running statistics that the scores depend on may be updated.
        """

    def update(self, rollout: Rollout) -> dict[str, float]:
        """Learn from the rollout. Returns curves by name, which are logged under ``intrinsic/``."""
        return {}

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return copies of everything that later results depend on.

        A tree of dicts with string keys, lists, numbers, strings, None, bytes and arrays, which a checkpoint
        keeps.
        """

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state()``. Raises ValueError, KeyError or TypeError if it does not fit."""
