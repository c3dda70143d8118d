"""Running mean and variance of arrays, in double precision with an integer count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RunningMoments:
    """Mean and variance of all values added so far, each of ``shape``.

    Batches are combined as in Chan, Golub and LeVeque (1979). A count in single precision would stop at
    2 ** 24, and with it the statistics.
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.count = 0
        self.mean: NDArray[np.float64] = np.zeros(shape)
        self._squares: NDArray[np.float64] = np.zeros(shape)  # sum of squared distances from the mean

    @property
    def variance(self) -> NDArray[np.float64]:
        """The variance of the values; 0 before the first."""
        return self._squares / max(self.count, 1)

    @property
    def std(self) -> NDArray[np.float64]:
        """The standard deviation of the values."""
        return np.sqrt(self.variance)

    def add(self, values: NDArray[Any]) -> None:
        """Add values, (n, ...) of any number type."""
        number = len(values)
        if not number:
            return
        mean = values.mean(axis=0, dtype=np.float64)
        squares = values.astype(np.float64)
        squares -= mean
        squares = np.einsum("i...,i...->...", squares, squares)
        total, distance = self.count + number, mean - self.mean
        self.mean = self.mean + distance * (number / total)
        self._squares = self._squares + squares + distance**2 * (self.count / total * number)
        self.count = total

    def state(self) -> dict[str, Any]:
        """Return the moments as plain values and copies of arrays."""
        return {"count": self.count, "mean": self.mean.copy(), "squares": self._squares.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a ``state()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        count = int(state["count"])
        mean, squares = (fitting(state[name], self.mean, name) for name in ("mean", "squares"))
        if count < 0 or (squares < 0).any():
            raise ValueError(f"moments of {count} values with a negative count or variance")
        self.count, self.mean, self._squares = count, mean, squares


def fitting(array: Any, like: NDArray[Any], name: str) -> NDArray[Any]:
    """Return a copy of ``array``. Raises ValueError unless it is finite, with shape and type of ``like``."""
    if not isinstance(array, np.ndarray) or array.shape != like.shape or array.dtype != like.dtype:
        raise ValueError(f"{name} must be an array of {like.dtype}, shape {like.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is not finite")
    return array.copy()
