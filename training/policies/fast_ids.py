"""CPU version of IdEncoder for the small batches of rollouts."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from training.policies.encoders import IdEncoder
from training.policies.fast_encoders import Observed, TransposedLayer
from training.policies.input_scaling import FastScaling


class FastIds:
    """IdEncoder of the observations ``names``: a lookup in NumPy, then one matrix product."""

    def __init__(self, names: list[str], encoder: IdEncoder) -> None:
        self._names = names
        self._ids, self._numbers = encoder.ids.numpy(), encoder.numbers.numpy()
        self._starts = encoder.starts.numpy()
        self._tables = encoder.tables
        self._embedded = len(self._ids) * encoder.tables.embedding_dim
        self._scaled = FastScaling(encoder.scaled)
        factors = torch.cat((torch.ones(self._embedded), self._scaled.factor))
        self._layer = TransposedLayer(encoder.layer, lambda weight: (weight * factors).t())
        self.width = encoder.layer.out_features
        self._vectors = self._taken()
        self._buffers: dict[int, torch.Tensor] = {}  # by number of observations

    def refresh(self) -> None:
        """Copy the encoder's current weights and statistics."""
        self._vectors = self._taken()
        self._layer.refresh()
        self._scaled.refresh()

    def __call__(self, observed: Observed, group: int, out: torch.Tensor) -> None:
        """See Encoder."""
        parts = np.concatenate([observed[name] for name in self._names], axis=1)
        number = len(parts)
        inputs = self._buffers.get(number)
        if inputs is None:
            inputs = self._buffers[number] = torch.empty(number, self._layer.weight.shape[0])
        rows = inputs.numpy()
        vectors = np.take(self._vectors, parts[:, self._ids] + self._starts, axis=0)
        rows[:, : self._embedded] = vectors.reshape(number, -1)
        rows[:, self._embedded :] = parts[:, self._numbers]
        self._scaled(rows[:, self._embedded :])
        self._layer(inputs, out)

    def _taken(self) -> NDArray[np.float32]:
        return self._tables.weight.detach().numpy()
