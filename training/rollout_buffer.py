"""A rollout buffer whose memory is taken once: no new arrays per rollout, no reordered copy for updates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import DictRolloutBuffer

Indices = NDArray[np.int64]


class LastingRolloutBuffer(DictRolloutBuffer):
    """Holds what DictRolloutBuffer holds, arrays of (steps, environments, ...), for the life of the model.

    Updates read it by ``minibatches`` and ``observations_at``; stable-baselines3's ``get`` would copy it
    whole and is refused.
    """

    valid: NDArray[np.bool_] | None = None
    """(steps, environments): which of them updates learn from; None: all."""

    def reset(self) -> None:
        """Ready for the next rollout; what is left of the last one is overwritten step by step."""
        if hasattr(self, "advantages"):
            self.pos, self.full, self.generator_ready = 0, False, False
        else:
            super().reset()

    def get(self, batch_size: int | None = None) -> Any:
        """Not offered: raises NotImplementedError."""
        raise NotImplementedError("this buffer is read by minibatches() and observations_at()")

    def minibatches(self, batch_size: int) -> Iterator[Indices]:
        """Every valid step of the rollout once, in random order: indices into steps x environments,
        flattened."""
        every = self.buffer_size * self.n_envs if self.valid is None else np.flatnonzero(self.valid)
        indices = np.random.permutation(every)  # noqa: NPY002 - saved with checkpoints
        for start in range(0, len(indices), batch_size):
            yield indices[start : start + batch_size]

    def observations_at(self, indices: Indices) -> dict[str, torch.Tensor]:
        """The observations of those steps, in their own dtype, on the model's device."""
        step, env = np.divmod(indices, self.n_envs)
        return {key: self._send(array[step, env]) for key, array in self.observations.items()}

    def numbers_at(self, name: str, indices: Indices) -> torch.Tensor:
        """``actions``, ``values``, ``log_probs``, ``advantages`` or ``returns`` of those steps, (n,)."""
        return self._send(getattr(self, name).reshape(-1)[indices])

    def learned(self, name: str) -> NDArray[np.float32]:
        """``values``, ``returns`` ... of all valid steps, (n,)."""
        numbers: NDArray[np.float32] = getattr(self, name)
        return numbers.flatten() if self.valid is None else numbers[self.valid]

    def _send(self, array: NDArray[Any]) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        if self.device.type == "cuda":  # from pinned memory, so that the copy overlaps with what runs there
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor
