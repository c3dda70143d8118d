"""What a policy with memory remembers of every environment during rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.policies.fast_inference import ActionChoice
from training.policies.interface import Seen
from training.policies.network_policy import NetworkPolicy

Observed = Mapping[str, NDArray[np.uint8]]


class Memory:
    """The states of ``n_envs`` environments, float32 (n_envs, state_size).

    What belongs to an ended episode stays until the first step of the next one, at which the policy forgets
    it.
    """

    def __init__(self, policy: NetworkPolicy, n_envs: int) -> None:
        self._policy = policy
        self._states = np.zeros((n_envs, policy.state_size), np.float32)
        self._after_step = self._states.copy()
        self.before_step = self._states.copy()
        """The states before the last step that was chosen, float32 (n_envs, state_size)."""

    def choose(
        self, observed: Observed, part: slice, starts: NDArray[np.bool_]
    ) -> tuple[ActionChoice, NDArray[np.float32]]:
        """Draw actions for the environments ``part``, and remember.

        ``starts``: mask of the observations that begin an episode. Returns the choice and the states before
        it. Raises ValueError if the policy's logits are not finite.
        """
        before = self.before_step[part] = self._states[part].copy()
        with torch.inference_mode():
            acted = self._policy.step(self._seen(observed, before, starts))
        self._states[part] = acted.states.float().cpu().numpy()
        columns = acted.values.float().cpu().numpy().reshape(len(before), -1).T
        log_probs = acted.log_probs.float().cpu().numpy()
        return ActionChoice(acted.actions.cpu().numpy(), columns[0], log_probs, *columns[1:]), before

    def keep(self, part: slice) -> None:
        """Keep what is remembered after a step of the environments ``part``, for ``after_step``."""
        self._after_step[part] = self._states[part]

    def after_step(self, observation: Observed, index: int) -> Seen:
        """The last observation of an episode of one environment, as the step after the last that was kept."""
        batch = {name: array[np.newaxis] for name, array in observation.items()}
        return self._seen(batch, self._after_step[index : index + 1], np.zeros(1, np.bool_))

    def next_step(self, observed: Observed, starts: NDArray[np.bool_]) -> Seen:
        """The observations of all environments, for which no action is chosen yet."""
        return self._seen(observed, self._states, starts)

    def _seen(self, observed: Observed, states: NDArray[np.float32], starts: NDArray[np.bool_]) -> Seen:
        tensors = {
            name: torch.from_numpy(np.asarray(array)).to(self._policy.device)
            for name, array in observed.items()
        }
        return self._policy.seen(tensors, (states.copy(),), starts)

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of the states."""
        return {"states": self._states.copy()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError or ValueError if it does not fit."""
        states = snapshot["states"]
        fits = isinstance(states, np.ndarray) and states.dtype == np.float32 and np.isfinite(states).all()
        if not fits or states.shape != self._states.shape:
            raise ValueError(f"the memory of the policy must be finite float32 {self._states.shape}")
        self._states[:] = states
