"""Arrays shared by the parent and its workers: one block of shared memory, laid out from the spaces.

The block is an anonymous mapping (multiprocessing's RawArray): its file is unlinked right after creation, so
nothing is left behind however a process ends.
"""

from __future__ import annotations

import ctypes
import multiprocessing.context
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.reward_components import COMPONENTS
from envs.workers.limits import share

POISON = 0xA5
"""Initial value of every byte, so that a slot that was never written is noticed."""
ALIGNMENT = 64
"""Bytes: a cache line, so that two workers never write to the same one."""
BUFFERS = 2
"""Stable-baselines3 keeps the last observation, so it stays readable while the next one is written."""

OUTCOMES = np.dtype(
    {
        "names": ["rewards", "terminated", "truncated", "has_components", "components"],
        "formats": ["<f4", "?", "?", "?", ("<f8", (len(COMPONENTS),))],
        "offsets": [0, 4, 5, 6, 8],
        "itemsize": ALIGNMENT,
    }
)
"""Results of a step other than observations: one record per environment, written in one call."""
OUTCOME = Struct(f"<f???x{len(COMPONENTS)}d{ALIGNMENT - 8 - 8 * len(COMPONENTS)}x")
"""The same record for struct: plain Python numbers, in the order of OUTCOMES."""


def other(buffer: int) -> int:
    """Return the buffer with the observation before the last, which the next step overwrites."""
    return (buffer + 1) % BUFFERS


@dataclass(frozen=True)
class Field:
    """One array in the block: offset in bytes, shape and dtype."""

    offset: int
    shape: tuple[int, ...]
    dtype: str
    row: tuple[tuple[int, ...], str]
    """Shape and dtype of one environment's part."""


@dataclass(frozen=True)
class ArrayLayout:
    """Layout of the block; small and picklable, so that it can be sent to workers."""

    fields: dict[str, Field]
    observation_keys: tuple[str, ...]
    single: bool
    outcomes: int
    """Offset of the records, which are the last part of the block."""
    size: int


def make_layout(space: spaces.Space[Any], n_envs: int) -> ArrayLayout:
    """Return the layout for ``n_envs`` environments with observation space ``space`` (Dict of Box, or Box).

    Raises TypeError for a space without a fixed shape and dtype.
    """
    single = not isinstance(space, spaces.Dict)
    parts: Mapping[str, spaces.Space[Any]] = {"": space} if single else space.spaces  # type: ignore[attr-defined]
    wanted: dict[str, tuple[tuple[int, ...], Any]] = {}
    for key, part in parts.items():
        if part.shape is None or part.dtype is None:
            raise TypeError(f"observation {key!r} of {part} has no fixed shape and dtype")
        wanted[f"obs/{key}"] = ((BUFFERS, n_envs, *part.shape), part.dtype)
        wanted[f"terminal/{key}"] = ((n_envs, *part.shape), part.dtype)
    wanted["actions"] = ((n_envs,), np.int64)
    fields: dict[str, Field] = {}
    offset = 0
    for name, (shape, dtype) in wanted.items():
        own = shape[2:] if name.startswith("obs/") else shape[1:]
        fields[name] = Field(offset, shape, np.dtype(dtype).str, (own, np.dtype(dtype).str))
        length = int(np.prod(shape)) * np.dtype(dtype).itemsize
        offset += -(-length // ALIGNMENT) * ALIGNMENT
    return ArrayLayout(fields, tuple(parts), single, offset, offset + n_envs * OUTCOMES.itemsize)


def allocate(
    context: multiprocessing.context.BaseContext, layout: ArrayLayout
) -> ctypes.Array[ctypes.c_uint8]:
    """Return a poisoned block for ``layout`` that can be passed to processes of ``context``.

    Raises LimitReached if the system has no such memory.
    """
    block: ctypes.Array[ctypes.c_uint8] = share(layout.size, context)
    np.frombuffer(memoryview(block), np.uint8)[:] = POISON
    return block


def view(block: Any, layout: ArrayLayout) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``layout`` by name, including those of OUTCOMES, as views of ``block``.

    ``block`` is any writable buffer.
    """
    memory = np.frombuffer(memoryview(block), np.uint8)
    arrays: dict[str, NDArray[Any]] = {}
    for name, field in layout.fields.items():
        length = int(np.prod(field.shape)) * np.dtype(field.dtype).itemsize
        arrays[name] = memory[field.offset : field.offset + length].view(field.dtype).reshape(field.shape)
    records = memory[layout.outcomes :].view(OUTCOMES)
    return arrays | {name: records[name] for name in OUTCOMES.names or ()}


def outcomes(block: Any, layout: ArrayLayout) -> memoryview:
    """Return the records of OUTCOMES as a view of the bytes of ``block``."""
    return memoryview(block).cast("B")[layout.outcomes :]
