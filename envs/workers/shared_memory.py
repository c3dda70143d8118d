"""Arrays that the parent and its workers see at once: one block of shared memory, laid out from the spaces.

The block is an anonymous mapping (multiprocessing's RawArray): its file is unlinked as soon as it is made, so
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

POISON = 0xA5
"""What every byte is before the first write, so that a slot nobody wrote shows."""
ALIGNMENT = 64
"""Bytes: a cache line, so that two workers never write the same one."""
BUFFERS = 2
"""The last observation stays readable while the next one is written: stable-baselines3 keeps it."""

OUTCOMES = np.dtype(
    {
        "names": ["rewards", "terminated", "truncated", "has_components", "components"],
        "formats": ["<f4", "?", "?", "?", ("<f8", (len(COMPONENTS),))],
        "offsets": [0, 4, 5, 6, 8],
        "itemsize": ALIGNMENT,
    }
)
"""What a step gives beside observations: a record for each environment, which one call writes."""
OUTCOME = Struct(f"<f???x{len(COMPONENTS)}d{ALIGNMENT - 8 - 8 * len(COMPONENTS)}x")
"""The same record as Python's own numbers, in the order of OUTCOMES."""


def other(buffer: int) -> int:
    """The buffer that holds the observation before the last, and the next one soon."""
    return (buffer + 1) % BUFFERS


@dataclass(frozen=True)
class Field:
    """One array in the block: its first byte, its shape and its dtype."""

    offset: int
    shape: tuple[int, ...]
    dtype: str
    row: tuple[tuple[int, ...], str]
    """Shape and dtype of what it holds for one environment."""


@dataclass(frozen=True)
class ArrayLayout:
    """Where everything lies; small and picklable, so that a worker can be told."""

    fields: dict[str, Field]
    observation_keys: tuple[str, ...]
    single: bool
    outcomes: int
    """First byte of the records, the last thing in the block."""
    size: int


def make_layout(space: spaces.Space[Any], n_envs: int) -> ArrayLayout:
    """The layout for ``n_envs`` environments of observation space ``space`` (a Dict of Box, or one Box).

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
    """A poisoned block for ``layout`` that a process of ``context`` can be given."""
    block: ctypes.Array[ctypes.c_uint8] = context.RawArray(ctypes.c_uint8, layout.size)
    np.frombuffer(memoryview(block), np.uint8)[:] = POISON
    return block


def view(block: Any, layout: ArrayLayout) -> dict[str, NDArray[Any]]:
    """The arrays of ``layout`` by name, those of OUTCOMES among them; they share ``block``, any bytes that
    can be written to."""
    memory = np.frombuffer(memoryview(block), np.uint8)
    arrays: dict[str, NDArray[Any]] = {}
    for name, field in layout.fields.items():
        length = int(np.prod(field.shape)) * np.dtype(field.dtype).itemsize
        arrays[name] = memory[field.offset : field.offset + length].view(field.dtype).reshape(field.shape)
    records = memory[layout.outcomes :].view(OUTCOMES)
    return arrays | {name: records[name] for name in OUTCOMES.names or ()}


def outcomes(block: Any, layout: ArrayLayout) -> memoryview:
    """The records of OUTCOMES as bytes; they share ``block``."""
    return memoryview(block).cast("B")[layout.outcomes :]
