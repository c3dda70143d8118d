"""What goes between machines: bytes alone, so that no end has to unpickle what the other one made.

A tree (plain values, bytes, arrays) is four bytes of length, JSON, and the arrays it names. Results of steps
are packed by envs/cluster/packing.py.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from envs.files import inflate
from envs.tree_codec import pack, unpack

MAX_TREE = 200_000_000
"""Bytes; snapshots of a few emulators have some 300,000 each."""
_LENGTH = struct.Struct("<I")
Arrays = dict[str, NDArray[Any]]
Bytes = bytes | memoryview


class BadMessage(ValueError):
    """Bytes that are not what they should be; the message says what is wrong with them."""


# --- trees ---


def encode(tree: Any) -> bytes:
    """A tree as bytes. Raises TypeError for what is no plain value, ValueError for a number that is none."""
    plain, arrays = pack(tree)
    kinds = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    text = json.dumps([plain, kinds], separators=(",", ":"), allow_nan=False).encode()
    return b"".join((_LENGTH.pack(len(text)), text, *(array.tobytes() for array in arrays.values())))


def decode(data: Bytes) -> Any:
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


# --- packed small, or cut into pieces ---


def shrink(data: bytes, compress: bool) -> bytes:
    """``data`` packed small if ``compress``."""
    return zlib.compress(data, 1) if compress else data


def grow(data: Bytes, compress: bool) -> Bytes:
    """What ``shrink`` packed. Raises BadMessage."""
    if not compress:
        return data
    try:
        return inflate(data, MAX_TREE)
    except ValueError as error:
        raise BadMessage(str(error)) from error


def cut(data: bytes, pieces: int, size: int) -> list[bytes]:
    """``data`` in so many pieces of ``size`` bytes; the last one has what is left."""
    starts = [size * number for number in range(pieces)]
    return [data[start : start + size] for start in starts[:-1]] + [data[starts[-1] :]]
