"""Messages between machines as plain bytes, so that neither end has to unpickle what the other sent.

A tree (plain values, bytes, arrays) is four bytes of length, JSON, and the arrays named in it. Results of
steps are packed by envs/cluster/packing.py.
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
"""Bytes; the snapshot of one emulator has about 300,000."""
_LENGTH = struct.Struct("<I")
Arrays = dict[str, NDArray[Any]]
Bytes = bytes | memoryview


class BadMessage(ValueError):
    """Invalid bytes; the message says what is wrong with them."""


# --- trees ---


def encode(tree: Any) -> bytes:
    """Encode a tree. Raises TypeError for a value that is not plain, ValueError for NaN and infinity."""
    plain, arrays = pack(tree)
    kinds = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    text = json.dumps([plain, kinds], separators=(",", ":"), allow_nan=False).encode()
    return b"".join((_LENGTH.pack(len(text)), text, *(array.tobytes() for array in arrays.values())))


def decode(data: Bytes) -> Any:
    """Decode a tree encoded by ``encode``. Raises BadMessage."""
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
        raise BadMessage(f"not a tree of plain values ({error})") from error


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
    raise ValueError(f"{constant} is not finite")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


# --- compression and pieces ---


def shrink(data: bytes, compress: bool) -> bytes:
    """Return ``data``, compressed if ``compress``."""
    return zlib.compress(data, 1) if compress else data


def grow(data: Bytes, compress: bool) -> Bytes:
    """Undo ``shrink``. Raises BadMessage."""
    if not compress:
        return data
    try:
        return inflate(data, MAX_TREE)
    except ValueError as error:
        raise BadMessage(str(error)) from error


def cut(data: bytes, pieces: int, size: int) -> list[bytes]:
    """Cut ``data`` into ``pieces`` pieces of ``size`` bytes; the last one holds the rest."""
    starts = [size * number for number in range(pieces)]
    return [data[start : start + size] for start in starts[:-1]] + [data[starts[-1] :]]
