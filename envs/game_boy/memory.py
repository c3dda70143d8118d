"""Fast access to work RAM, which PyBoy itself reads byte by byte.

PyBoy keeps work RAM in an ``array.array`` and returns it as single bytes or lists of Python integers (about
60 ns per byte). The array is found by its content among the objects tracked by the garbage collector. If that
fails with another version of the emulator, memory is read through PyBoy.
"""

from __future__ import annotations

import gc
import os
from array import array
from collections.abc import Sequence
from typing import Any, Protocol, overload

WORK_RAM = 0xC000
WORK_RAM_BYTES = 0x2000
END = WORK_RAM + WORK_RAM_BYTES
MARK_BYTES = 16


class Memory(Protocol):
    """The emulator's address space: ``memory[a]`` is a byte, ``memory[a:b]`` a sequence of bytes.

    If it has an attribute ``work_ram``, that is a live view of the 8,192 bytes from 0xC000 on.
    """

    @overload
    def __getitem__(self, key: int) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[int]: ...


def find_work_ram(memory: Any) -> memoryview | None:
    """Return a live read-only view of the 8,192 bytes of ``memory[0xC000:0xE000]``, or None if not found.

    A mark is written there for a moment, so no frame may run meanwhile.
    """
    before = list(memory[WORK_RAM : WORK_RAM + MARK_BYTES])
    mark = os.urandom(MARK_BYTES)
    memory[WORK_RAM : WORK_RAM + MARK_BYTES] = list(mark)
    try:
        for generation in (0, 1, 2):  # the youngest first: the emulator was just created
            for candidate in gc.get_objects(generation=generation):
                if type(candidate) is array and _shows(candidate, mark):
                    return memoryview(candidate).toreadonly()
        return None
    finally:
        memory[WORK_RAM : WORK_RAM + MARK_BYTES] = before


def _shows(candidate: array[int], mark: bytes) -> bool:
    return (
        candidate.typecode == "B"
        and len(candidate) == WORK_RAM_BYTES
        and candidate[:MARK_BYTES].tobytes() == mark
    )


class QuickMemory:
    """PyBoy's memory, with slices of work RAM as bytes; all other access goes to ``memory`` itself."""

    def __init__(self, memory: Any, work_ram: memoryview) -> None:
        self._memory = memory
        self.work_ram = work_ram
        """Live view of the 8,192 bytes from 0xC000 on."""

    @overload
    def __getitem__(self, key: int) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[int]: ...
    def __getitem__(self, key: int | slice) -> int | Sequence[int]:
        if type(key) is slice and key.step is None and WORK_RAM <= key.start < key.stop <= END:
            return bytes(self.work_ram[key.start - WORK_RAM : key.stop - WORK_RAM])
        return self._memory[key]  # type: ignore[no-any-return]

    def __setitem__(self, key: int | slice, value: int | Sequence[int]) -> None:
        self._memory[key] = value
