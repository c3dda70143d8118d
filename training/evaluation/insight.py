"""What a policy thinks while it plays: probabilities of its actions, and its value of the moment."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO

from training.policies.network_policy import NetworkPolicy
from training.ppo.chunked_ppo import threads

Observation = dict[str, NDArray[np.uint8]]


class Thought(NamedTuple):
    """The ``action`` that a policy chose, the probabilities of all actions, float32 (actions,), and the value
    that it expects of the moment."""

    action: int
    probabilities: NDArray[np.float32]
    value: float


class Thoughts:
    """What a policy thought at each step of an episode."""

    def __init__(self) -> None:
        self._shares: list[NDArray[np.float16]] = []
        self._values: list[float] = []

    def add(self, thought: Thought) -> None:
        """Add the thought of the next step."""
        self._shares.append(thought.probabilities.astype(np.float16))
        self._values.append(thought.value)

    def at(self, step: int) -> tuple[NDArray[np.float16], float] | None:
        """Return the probabilities and the value before ``step`` (from 1); None beyond the last."""
        return (self._shares[step - 1], self._values[step - 1]) if 0 < step <= len(self._values) else None


class ThinkingPlayer:
    """A trained policy that plays one environment, step by step, and tells what it thinks.

    It remembers what a policy with memory remembers, and chooses as ``policy_choice`` does.
    """

    def __init__(self, model: PPO, greedy: bool) -> None:
        self._model, self._greedy = model, greedy
        self._state: tuple[NDArray[Any], ...] | None = None

    def think(self, observation: Observation, begins: bool) -> Thought:
        """Choose an action for the ``observation`` of one environment.

        ``begins``: whether it is the first of an episode. To be called at every step, even where somebody
        else acts, so that the policy's memory goes on.
        """
        batch, starts = {name: part[None] for name, part in observation.items()}, np.array([begins])
        with threads(1):  # one observation: more would only wait for each other
            probabilities, value = self._judge(batch, starts)
            actions, self._state = self._model.predict(batch, self._state, starts, deterministic=self._greedy)
        return Thought(int(actions[0]), probabilities, value)

    def _judge(self, batch: Observation, starts: NDArray[np.bool_]) -> tuple[NDArray[np.float32], float]:
        policy: Any = self._model.policy
        with torch.no_grad():
            seen, _ = policy.obs_to_tensor(batch)
            if isinstance(policy, NetworkPolicy):
                seen = policy.seen(seen, self._state, starts)
            shares = policy.get_distribution(seen).distribution.probs[0]
            value = policy.predict_values(seen)[0, 0]
        return shares.float().cpu().numpy(), float(value)
