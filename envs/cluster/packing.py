"""The result of a group's step as bytes: the group's arrays one after the other, then the last observations
of episodes that ended, then a tree (envs/cluster/messages.py) of whatever else is told.

Of stacked pictures the newest alone is sent where both ends have the others: most of an observation is the
pictures of the steps before.
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
"""What a step gives beside observations, in the order of its message."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an array holds for one environment: shape, dtype, how many numbers and bytes, and the least and
    the most that they can be (None: whatever the dtype holds)."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    items: int
    size: int
    limits: tuple[float, float] | None

    def check(self, values: NDArray[Any], name: str) -> None:
        """Raise BadMessage unless every one of ``values`` can be."""
        if self.dtype.kind == "b" and values.view(np.uint8).max() > 1:
            raise BadMessage(f"{name} is neither true nor false")
        if self.dtype.kind == "f" and not np.isfinite(values).all():
            raise BadMessage(f"{name} is no finite number")
        if self.limits and not (self.limits[0] <= values.min() and values.max() <= self.limits[1]):
            raise BadMessage(f"{name} must be {self.limits[0]:g} to {self.limits[1]:g}")


class Packing:
    """How arrays of ``layout`` go into a message and come out of it; ``space`` is what observations must lie
    in."""

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
        """Observations at index ``where`` of their arrays."""
        return [arrays[name][where].tobytes() for name in self._observed[kind].values()]

    def take_observations(
        self, data: Bytes, begin: int, arrays: Arrays, where: Any, count: int, kind: str = "obs"
    ) -> int:
        """Put observations of ``count`` environments at ``where``; where they end. Raises BadMessage."""
        for name in self._observed[kind].values():
            begin = self._take(data, begin, name, arrays, where, count)
        return begin

    def step(
        self, arrays: Arrays, buffer: int, part: slice, rest: Mapping[int, Any], known: NDArray[np.bool_]
    ) -> bytes:
        """The result of a step of the environments ``part``, whose observations are in ``buffer``.

        ``known``: bool (environments of the part,), whether the other end has the observation before as it is
        in the other buffer; ``rest`` is what else is told, by index.
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
        """Bytes of such a message about ``count`` environments when no episode ends and all are known."""
        sizes = {name: self._kinds[name].size for name in (*self._observed["obs"].values(), *COUNTED)}
        newest = {name: 1 + sizes[name] // self._kinds[name].shape[0] for name in self._stacks}
        return count * sum((sizes | newest).values())

    def take_step(self, data: Bytes, arrays: Arrays, buffer: int, part: slice) -> dict[int, Any]:
        """Put such a result into ``arrays``; returns ``rest``, indices counted from 0. Raises BadMessage,
        with the arrays half written, unless it has the right size and every number is one that can be."""
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
            raise BadMessage(f"{name} is neither whole nor its newest picture")
        return flags.astype(np.bool_), end

    def _take(self, data: Bytes, begin: int, name: str, arrays: Arrays, where: Any, count: int) -> int:
        kind = self._kinds[name]
        values, end = self._values(data, begin, name, count * kind.items)
        arrays[name][where] = values.reshape(count, *kind.shape)
        return end

    def _values(self, data: Bytes, begin: int, name: str, items: int) -> tuple[NDArray[Any], int]:
        """So many numbers of an array, checked, and where they end."""
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
    """Whose episodes ended."""
    over = np.flatnonzero(arrays["terminated"][part] | arrays["truncated"][part])
    return np.asarray(over + part.start, np.int64)


def _stacked(whole: NDArray[Any], buffer: int, part: slice, known: NDArray[np.bool_]) -> list[bytes]:
    """A flag for each environment; the newest pictures of those with one, whose others are the last ones of
    the stack before; then the whole stacks of those without."""
    now, before = whole[buffer, part], whole[other(buffer), part]
    shifted = known & (now[:, :-1] == before[:, 1:]).all(axis=(1, 2, 3))
    return [shifted.tobytes(), now[shifted, -1].tobytes(), now[~shifted].tobytes()]


def _kind(shape: tuple[int, ...], dtype: str, limits: tuple[float, float] | None) -> _Kind:
    items = int(np.prod(shape))
    return _Kind(shape, np.dtype(dtype), items, items * np.dtype(dtype).itemsize, limits)


def _limits(space: spaces.Box) -> tuple[float, float] | None:
    """The least and the most of a space; None where its dtype holds nothing else."""
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
