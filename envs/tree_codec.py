"""Codec of trees of plain values, bytes and arrays to JSON and named arrays, which are safe to read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARRAY, BYTES = "$array", "$bytes"
Arrays = dict[str, NDArray[Any]]


def pack(tree: Any) -> tuple[Any, Arrays]:
    """Convert ``tree`` to JSON values and arrays by name.

    ``tree`` may hold dicts with string keys, lists, tuples, numbers, strings, None, bytes and NumPy arrays
    of numbers. Tuples become lists, and NumPy scalars become Python numbers. Raises TypeError for anything
    else.
    """
    arrays: Arrays = {}
    return _pack(tree, arrays), arrays


def _pack(tree: Any, arrays: Arrays) -> Any:
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    if isinstance(tree, Mapping):
        if not all(isinstance(key, str) and not key.startswith("$") for key in tree):
            raise TypeError(f"keys must be strings that do not begin with $: {list(tree)[:5]}")
        return {key: _pack(value, arrays) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_pack(value, arrays) for value in tree]
    if isinstance(tree, np.generic):
        return tree.item()
    name = str(len(arrays))
    if isinstance(tree, np.ndarray):
        if tree.dtype.kind not in "biuf":
            raise TypeError(f"an array of {tree.dtype} is not one of numbers")
        arrays[name] = np.ascontiguousarray(tree)
        return {ARRAY: name}
    if isinstance(tree, bytes | bytearray):
        arrays[name] = np.frombuffer(bytes(tree), np.uint8)
        return {BYTES: name}
    raise TypeError(f"a {type(tree).__name__} is not a plain value")


def unpack(plain: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Undo ``pack``. Raises KeyError for a missing array."""
    if isinstance(plain, list):
        return [unpack(value, arrays) for value in plain]
    if not isinstance(plain, dict):
        return plain
    if plain.keys() == {ARRAY}:
        return arrays[plain[ARRAY]]
    if plain.keys() == {BYTES}:
        return arrays[plain[BYTES]].tobytes()
    return {key: unpack(value, arrays) for key, value in plain.items()}
