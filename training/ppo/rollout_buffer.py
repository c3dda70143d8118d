"""A rollout buffer that allocates once: no new arrays per rollout, no reordered copy for updates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import DictRolloutBuffer

from training.policies.interface import Seen

Indices = NDArray[np.int64]


class ReusedRolloutBuffer(DictRolloutBuffer):
    """DictRolloutBuffer whose arrays, (steps, environments, ...), are kept for the life of the model.

    Updates read it with ``minibatches`` and ``observations_at``. stable-baselines3's ``get`` would copy all
    of it and is refused.
    """

    valid: NDArray[np.bool_] | None = None
    """Mask (steps, environments) of the steps that updates learn from; None: all."""
    intrinsic_values: NDArray[np.float32]
    """Values of the learned reward's own head, (steps, environments); see ``add_intrinsic_numbers``."""
    intrinsic_returns: NDArray[np.float32]
    sequence = 0
    """Steps of a sequence that updates learn from; 0: they learn from single steps."""
    states: NDArray[np.float32]
    """What the policy remembered before each sequence, (steps / sequence, environments, state size)."""
    values_after: NDArray[np.float32]
    """Values of the observations after the last step, (environments,)."""
    ended: NDArray[np.bool_]
    """Environments whose last step ended an episode."""
    _pinned: dict[str, torch.Tensor]
    _sent: torch.cuda.Event

    def reset(self) -> None:
        """Prepare for the next rollout, which overwrites the last one step by step."""
        if hasattr(self, "advantages"):
            self.pos, self.full, self.generator_ready = 0, False, False
        else:
            super().reset()

    def add_intrinsic_numbers(self) -> None:
        """Add arrays for a learned reward that has a value head of its own."""
        self.intrinsic_values, self.intrinsic_returns = np.zeros(
            (2, self.buffer_size, self.n_envs), np.float32
        )

    def add_states(self, sequence: int, state_size: int) -> None:
        """Let updates learn from sequences of ``sequence`` steps; they must divide a rollout's."""
        self.sequence = sequence
        self.states = np.zeros((self.buffer_size // sequence, self.n_envs, state_size), np.float32)

    def store_states(self, step: int, part: slice, states: NDArray[np.float32]) -> None:
        """Store what the policy remembered before ``step``, if a sequence begins there."""
        if step % self.sequence == 0:
            self.states[step // self.sequence, part] = states

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: NDArray[np.bool_]) -> None:
        """Compute returns and advantages, and keep what follows the last step."""
        self.values_after, self.ended = last_values.cpu().numpy().flatten(), dones.copy()
        super().compute_returns_and_advantage(last_values, dones)

    def get(self, batch_size: int | None = None) -> Any:
        """Not supported. Raises NotImplementedError."""
        raise NotImplementedError("read this buffer with minibatches() and observations_at()")

    def minibatches(self, batch_size: int) -> Iterator[Indices]:
        """Yield every valid step once, in random order, as indices into steps x environments, flattened.

        With sequences their order is random, and the steps of each one follow each other. A sequence is
        whole if any of its steps is valid: see ``invalid_at``.
        """
        if self.sequence:
            yield from self._sequences(batch_size)
            return
        every = self.buffer_size * self.n_envs if self.valid is None else np.flatnonzero(self.valid)
        indices = np.random.permutation(every)  # noqa: NPY002 - saved with checkpoints
        for start in range(0, len(indices), batch_size):
            yield indices[start : start + batch_size]

    def _sequences(self, batch_size: int) -> Iterator[Indices]:
        """Yield minibatches of whole sequences. ``batch_size`` is a multiple of their length."""
        every = self.states.shape[0] * self.n_envs
        if self.valid is not None:
            every = np.flatnonzero(self.valid.reshape(-1, self.sequence, self.n_envs).any(axis=1))
        firsts = np.random.permutation(every)  # noqa: NPY002 - as above
        row, env = np.divmod(firsts, self.n_envs)
        steps = row[:, np.newaxis] * self.sequence + np.arange(self.sequence)
        indices = (steps * self.n_envs + env[:, np.newaxis]).reshape(-1)
        for start in range(0, len(indices), batch_size):
            yield indices[start : start + batch_size]

    def invalid_at(self, indices: Indices) -> NDArray[np.bool_] | None:
        """Mask of the steps of sequences that updates must not learn from, (n,); None: there are none."""
        if self.valid is None:
            return None
        invalid = ~self.valid.reshape(-1)[indices]
        return invalid if invalid.any() else None

    def seen_at(self, indices: Indices) -> dict[str, torch.Tensor] | Seen:
        """What the policy saw at these steps: observations, or whole sequences with what was remembered."""
        observations = self.observations_at(indices)
        if not self.sequence:
            return observations
        step, env = np.divmod(indices[:: self.sequence], self.n_envs)
        states = torch.from_numpy(self.states[step // self.sequence, env]).to(self.device)
        return Seen(observations, states, self.numbers_at("episode_starts", indices) > 0)

    def observations_at(self, indices: Indices) -> dict[str, torch.Tensor]:
        """The observations of these steps, in their own dtype, on the model's device."""
        if self.device.type == "cuda":
            return self._through_pinned_memory(indices)
        step, env = np.divmod(indices, self.n_envs)
        return {key: torch.from_numpy(array[step, env]) for key, array in self.observations.items()}

    def numbers_at(self, name: str, indices: Indices) -> torch.Tensor:
        """``actions``, ``values``, ``log_probs``, ``advantages``, ``returns`` ... of these steps, (n,)."""
        return torch.from_numpy(getattr(self, name).reshape(-1)[indices]).to(self.device)

    def learned(self, name: str) -> NDArray[np.float32]:
        """``values``, ``returns`` ... of all valid steps, (n,)."""
        numbers: NDArray[np.float32] = getattr(self, name)
        return numbers.flatten() if self.valid is None else numbers[self.valid]

    def _through_pinned_memory(self, indices: Indices) -> dict[str, torch.Tensor]:
        """Gather observations in pinned memory, so that the GPU copies them asynchronously.

        The memory is kept, since pinning a new array for every minibatch costs more than it saves.
        """
        if not hasattr(self, "_pinned"):
            self._pinned, self._sent = {}, torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._sent.synchronize()  # the last transfer may still be under way
        found = {}
        for key, array in self.observations.items():
            if len(self._pinned.get(key, ())) < len(indices):
                like = torch.from_numpy(array[0])
                self._pinned[key] = like.new_empty((len(indices), *like.shape[1:]), pin_memory=True)
            gathered = self._pinned[key][: len(indices)]
            flat = array.reshape(-1, *array.shape[2:])
            np.take(flat, indices, axis=0, out=gathered.numpy(), mode="clip")  # "raise" would copy
            found[key] = gathered.to(self.device, non_blocking=True)
        self._sent.record()
        return found
