"""Encoding of a group's step result: its arrays, the last observations of ended episodes, and the infos.

The infos are a tree (envs/cluster/messages.py). Of stacked frames only the newest is sent if both ends have
the others: most of an observation is frames of earlier steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.cluster.messages import Arrays, BadMessage, Bytes, decode, encode
from envs.workers.shared_memory import OUTCOMES, ArrayLayout, other

COUNTED = OUTCOMES.names or ()
"""Results of a step other than observations, in the order of the message."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One environment's part of an array: shape, dtype, number of items, bytes, and lowest and highest value.

    ``limits`` is None if every value of the dtype is allowed.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    items: int
    size: int
    limits: tuple[float, float] | None

    def check(self, values: NDArray[Any], name: str) -> None:
        """Raise BadMessage unless all ``values`` are valid."""
        if self.dtype.kind == "b" and values.view(np.uint8).max() > 1:
            raise BadMessage(f"{name} is neither true nor false")
        if self.dtype.kind == "f" and not np.isfinite(values).all():
            raise BadMessage(f"{name} is not finite")
        if self.limits and not (self.limits[0] <= values.min() and values.max() <= self.limits[1]):
            raise BadMessage(f"{name} must be {self.limits[0]:g} to {self.limits[1]:g}")


class Packing:
    """Encodes arrays of ``layout`` and decodes them; observations must lie in ``space``."""

    def __init__(self, layout: ArrayLayout, space: spaces.Space[Any]) -> None:
        parts: Mapping[str, Any] = {"": space} if layout.single else space.spaces  # type: ignore[attr-defined]
        self._observed = {kind: {key: f"{kind}/{key}" for key in layout.observation_keys}
                          for kind in ("obs", "terminal")}  # fmt: skip
        limits = {names[key]: _limits(parts[key]) for names in self._observed.values() for key in names}
        self._kinds = {name: _kind(*field.row, limits.get(name)) for name, field in layout.fields.items()}
        self._kinds |= {name: _kind(OUTCOMES[name].shape, OUTCOMES[name].base.str, None) for name in COUNTED}
        self._stacks = {
            name for name in self._observed["obs"].values()
            if len(self._kinds[name].shape) == 3 and self._kinds[name].shape[0] > 1
        }  # fmt: skip

    def observations(self, arrays: Arrays, where: Any, kind: str = "obs") -> list[bytes]:
        """Encode the observations at index ``where`` of their arrays."""
        return [arrays[name][where].tobytes() for name in self._observed[kind].values()]

    def take_observations(
        self, data: Bytes, begin: int, arrays: Arrays, where: Any, count: int, kind: str = "obs"
    ) -> int:
        """Decode ``count`` observations to ``where``; return their end. Raises BadMessage."""
        for name in self._observed[kind].values():
            begin = self._take(data, begin, name, arrays, where, count)
        return begin

    def step(
        self, arrays: Arrays, buffer: int, part: slice, rest: Mapping[int, Any], known: NDArray[np.bool_]
    ) -> bytes:
        """Encode the result of a step of the environments ``part``, whose observations are in ``buffer``.

        ``known``: bool (environments of the part,), whether the other end has the same previous observation
        as the other buffer here. ``rest``: infos by index.
        """
        message: list[bytes] = []
        for name in self._observed["obs"].values():
            if name in self._stacks:
                message += _stacked(arrays[name], buffer, part, known)
            else:
                message.append(arrays[name][buffer, part].tobytes())
        message += [arrays[name][part].tobytes() for name in COUNTED]
        ended = _ended(arrays, part)
        if len(ended):
            message += self.observations(arrays, ended, "terminal")
        if rest:
            message.append(encode({str(index): value for index, value in rest.items()}))
        return b"".join(message)

    def step_size(self, count: int) -> int:
        """Return the bytes of a ``step`` message if no episode ends and all environments are known."""
        sizes = {name: self._kinds[name].size for name in (*self._observed["obs"].values(), *COUNTED)}
        newest = {name: 1 + sizes[name] // self._kinds[name].shape[0] for name in self._stacks}
        return count * sum((sizes | newest).values())

    def take_step(self, data: Bytes, arrays: Arrays, buffer: int, part: slice) -> dict[int, Any]:
        """Decode the result of a step into ``arrays``; return ``rest`` with indices counted from 0.

        Raises BadMessage for a wrong size or an invalid value; the arrays may then be partly written.
        """
        begin, count = 0, part.stop - part.start
        for name in self._observed["obs"].values():
            if name in self._stacks:
                begin = self._take_stacked(data, begin, name, arrays[name], (buffer, part))
            else:
                begin = self._take(data, begin, name, arrays, (buffer, part), count)
        for name in COUNTED:
            begin = self._take(data, begin, name, arrays, part, count)
        ended = _ended(arrays, part)
        if len(ended):
            begin = self.take_observations(data, begin, arrays, ended, len(ended), "terminal")
        rest = decode(memoryview(data)[begin:]) if begin < len(data) else {}
        return _by_index(rest, count)

    def _take_stacked(
        self, data: Bytes, begin: int, name: str, whole: NDArray[Any], where: tuple[int, slice]
    ) -> int:
        """See ``_stacked``."""
        buffer, part = where
        shifted, begin = self._flags(data, begin, part.stop - part.start, name)
        now, before = whole[buffer, part], whole[other(buffer), part]
        now[shifted, :-1] = before[shifted, 1:]
        kind = self._kinds[name]
        values, begin = self._values(data, begin, name, int(shifted.sum()) * kind.items // kind.shape[0])
        now[shifted, -1] = values.reshape(-1, *kind.shape[1:])
        values, begin = self._values(data, begin, name, int((~shifted).sum()) * kind.items)
        now[~shifted] = values.reshape(-1, *kind.shape)
        return begin

    def _flags(self, data: Bytes, begin: int, count: int, name: str) -> tuple[NDArray[np.bool_], int]:
        end = begin + count
        if end > len(data):
            raise BadMessage(f"{len(data)} bytes, which end within {name}")
        flags = np.frombuffer(data, np.uint8, count, begin)
        if flags.max() > 1:
            raise BadMessage(f"{name} is neither a whole stack nor its newest frame")
        return flags.astype(np.bool_), end

    def _take(self, data: Bytes, begin: int, name: str, arrays: Arrays, where: Any, count: int) -> int:
        kind = self._kinds[name]
        values, end = self._values(data, begin, name, count * kind.items)
        arrays[name][where] = values.reshape(count, *kind.shape)
        return end

    def _values(self, data: Bytes, begin: int, name: str, items: int) -> tuple[NDArray[Any], int]:
        """Return ``items`` checked values of an array, and their end."""
        kind = self._kinds[name]
        end = begin + items * kind.dtype.itemsize
        if end > len(data):
            raise BadMessage(f"{len(data)} bytes, which end within {name}")
        if not items:
            return np.empty(0, kind.dtype), end
        values = np.frombuffer(data, kind.dtype, items, begin)
        kind.check(values, name)
        return values, end


def _ended(arrays: Arrays, part: slice) -> NDArray[np.int64]:
    """Return the environments whose episodes ended."""
    over = np.flatnonzero(arrays["terminated"][part] | arrays["truncated"][part])
    return np.asarray(over + part.start, np.int64)


def _stacked(whole: NDArray[Any], buffer: int, part: slice, known: NDArray[np.bool_]) -> list[bytes]:
    """Encode stacks of frames: flags, then newest frames of flagged environments, then other whole stacks.

    A flag says that all frames but the newest are the last ones of the previous stack.
    """
    now, before = whole[buffer, part], whole[other(buffer), part]
    shifted = known & (now[:, :-1] == before[:, 1:]).all(axis=(1, 2, 3))
    return [shifted.tobytes(), now[shifted, -1].tobytes(), now[~shifted].tobytes()]


def _kind(shape: tuple[int, ...], dtype: str, limits: tuple[float, float] | None) -> _Kind:
    items = int(np.prod(shape))
    return _Kind(shape, np.dtype(dtype), items, items * np.dtype(dtype).itemsize, limits)


def _limits(space: spaces.Box) -> tuple[float, float] | None:
    """Return the lowest and highest value of a space; None if they are those of its dtype."""
    low, high = float(space.low.min()), float(space.high.max())
    if space.dtype is not None and np.issubdtype(space.dtype, np.integer):
        most = np.iinfo(np.dtype(space.dtype).str)
        return None if (low, high) == (most.min, most.max) else (low, high)
    return low, high


def _by_index(rest: Any, count: int) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for name, value in rest.items() if isinstance(rest, dict) else [("", None)]:
        if not (name.isdecimal() and int(name) < count and isinstance(value, dict)):
            raise BadMessage(f"infos of environment {name!r} among {count}")
        if not all(isinstance(info, dict) for info in value.values()) or not value.keys() <= {
            "info",
            "reset_info",
        }:
            raise BadMessage(f"infos {list(value)}")
        found[int(name)] = value
    return found
