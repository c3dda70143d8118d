"""What goes between machines: bytes alone, so that no end has to unpickle what the other one made.

A tree (plain values, bytes, arrays) is four bytes of length, JSON, and the arrays it names. A step's result
is the arrays of a group one after the other, then the last observations of episodes that ended, then a tree.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.plain_tree import pack, unpack
from envs.shared_arrays import Layout

MAX_TREE = 200_000_000
"""Bytes; snapshots of a few emulators have some 300,000 each."""
COUNTED = ("rewards", "terminated", "truncated", "has_components", "components")
"""What a step gives beside observations, in the order of its message."""
FLAGS = ("terminated", "truncated", "has_components")
_LENGTH = struct.Struct("<I")
Arrays = dict[str, NDArray[Any]]


class BadMessage(ValueError):
    """Bytes that are not what they should be; the message says what is wrong with them."""


# --- trees ---


def encode(tree: Any) -> bytes:
    """A tree as bytes. Raises TypeError for what is no plain value, ValueError for a number that is none."""
    plain, arrays = pack(tree)
    kinds = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    text = json.dumps([plain, kinds], separators=(",", ":"), allow_nan=False).encode()
    return b"".join((_LENGTH.pack(len(text)), text, *(array.tobytes() for array in arrays.values())))


def decode(data: bytes | memoryview) -> Any:
    """The tree that ``encode`` made bytes of. Raises BadMessage."""
    data = memoryview(data)
    if not _LENGTH.size <= len(data) <= MAX_TREE:
        raise BadMessage(f"a tree of {len(data)} bytes")
    begin = _LENGTH.size + _LENGTH.unpack(data[: _LENGTH.size])[0]
    try:
        plain, kinds = json.loads(
            bytes(data[_LENGTH.size : begin]), parse_constant=_refuse, parse_float=_finite
        )
        arrays: Arrays = {}
        for name, (kind, shape) in kinds.items():
            arrays[name], begin = _array(data, begin, np.dtype(kind), tuple(shape))
        if begin != len(data):
            raise BadMessage(f"{len(data)} bytes where a tree has {begin}")
        return unpack(plain, arrays)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise BadMessage(f"no tree of plain values ({error})") from error


def _array(
    data: memoryview, begin: int, kind: np.dtype[Any], shape: tuple[int, ...]
) -> tuple[NDArray[Any], int]:
    if kind.kind not in "biuf" or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise BadMessage(f"an array of type {kind}, shape {shape}")
    end = begin + int(np.prod(shape, dtype=object)) * kind.itemsize
    if end > len(data):
        raise BadMessage(f"an array that ends after {end} of {len(data)} bytes")
    return np.frombuffer(data[begin:end], kind).reshape(shape).copy(), end


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


# --- observations and results of steps ---


class Packing:
    """How arrays of ``layout`` go into a message and come out of it; ``space`` is what observations must lie
    in."""

    def __init__(self, layout: Layout, space: spaces.Space[Any]) -> None:
        self.keys = layout.observation_keys
        parts: Mapping[str, Any] = {"": space} if layout.single else space.spaces  # type: ignore[attr-defined]
        self._limits = {key: _limits(parts[key]) for key in self.keys}
        self._row = {name: field.row for name, field in layout.fields.items()}

    def observations(self, arrays: Arrays, where: Any, kind: str = "obs") -> list[bytes]:
        """Observations at index ``where`` of their arrays."""
        return [arrays[f"{kind}/{key}"][where].tobytes() for key in self.keys]

    def step(self, arrays: Arrays, buffer: int, part: slice, rest: Mapping[int, Any]) -> bytes:
        """The result of a step of the environments ``part``; ``rest`` is what else is told, by index."""
        message = self.observations(arrays, (buffer, part))
        message += [arrays[name][part].tobytes() for name in COUNTED]
        ended = np.flatnonzero(arrays["terminated"][part] | arrays["truncated"][part]) + part.start
        message += self.observations(arrays, ended, "terminal")
        if rest:
            message.append(encode({str(index): value for index, value in rest.items()}))
        return b"".join(message)

    def step_size(self, count: int) -> int:
        """Bytes of such a message about ``count`` environments when no episode ends."""
        return count * sum(self._bytes(name) for name in (*(f"obs/{key}" for key in self.keys), *COUNTED))

    def take_step(self, data: bytes, arrays: Arrays, buffer: int, part: slice) -> dict[int, Any]:
        """Put such a result into ``arrays``; returns ``rest``, indices counted from 0. Raises BadMessage,
        with the arrays half written, unless it has the right size and every number is one that can be."""
        view, count = memoryview(data), part.stop - part.start
        begin = self.take_observations(view, 0, arrays, (buffer, part), count)
        for name in COUNTED:
            begin = self._take(view, begin, name, arrays, part, count)
        ended = np.flatnonzero(arrays["terminated"][part] | arrays["truncated"][part]) + part.start
        begin = self.take_observations(view, begin, arrays, ended, len(ended), "terminal")
        rest = decode(view[begin:]) if begin < len(view) else {}
        return _by_index(rest, count)

    def take_observations(
        self, data: memoryview, begin: int, arrays: Arrays, where: Any, count: int, kind: str = "obs"
    ) -> int:
        """Put observations of ``count`` environments at ``where``; where they end. Raises BadMessage."""
        for key in self.keys:
            begin = self._take(data, begin, f"{kind}/{key}", arrays, where, count, self._limits[key])
        return begin

    def _bytes(self, name: str) -> int:
        shape, kind = self._row[name]
        return int(np.prod(shape)) * np.dtype(kind).itemsize

    def _take(
        self,
        data: memoryview,
        begin: int,
        name: str,
        arrays: Arrays,
        where: Any,
        count: int,
        limits: tuple[float, float] | None = None,
    ) -> int:
        shape, kind = self._row[name]
        end = begin + count * self._bytes(name)
        if end > len(data):
            raise BadMessage(f"{len(data)} bytes, which end within {name}")
        raw = data[begin:end]
        if name in FLAGS and np.frombuffer(raw, np.uint8).max(initial=0) > 1:
            raise BadMessage(f"{name} is neither true nor false")
        values = np.frombuffer(raw, kind).reshape(count, *shape)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise BadMessage(f"{name} is no finite number")
        if limits and count and not (limits[0] <= values.min() and values.max() <= limits[1]):
            raise BadMessage(f"{name} must be {limits[0]:g} to {limits[1]:g}")
        arrays[name][where] = values
        return end


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


# --- packed small, or cut into pieces ---


def shrink(data: bytes, compress: bool) -> bytes:
    """``data`` packed small if ``compress``."""
    return zlib.compress(data, 1) if compress else data


def grow(data: bytes, compress: bool) -> bytes:
    """What ``shrink`` packed. Raises BadMessage."""
    if not compress:
        return data
    unpacker = zlib.decompressobj()
    try:
        whole = unpacker.decompress(data, MAX_TREE)
    except zlib.error as error:
        raise BadMessage(f"cannot be unpacked ({error})") from error
    if not unpacker.eof:
        raise BadMessage("cannot be unpacked (it does not end)")
    return whole


def cut(data: bytes, pieces: int, size: int) -> list[bytes]:
    """``data`` in so many pieces of ``size`` bytes; the last one has what is left."""
    starts = [size * number for number in range(pieces)]
    return [data[start : start + size] for start in starts[:-1]] + [data[starts[-1] :]]
