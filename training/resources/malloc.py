"""Control over the memory that the C library's allocator keeps and returns."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""glibc's parameters (malloc.h): free memory kept at the end of a heap, size of blocks outside heaps, and
number of heaps."""
KEPT_BYTES = 1 << 30
LARGEST_BLOCK = 32 << 20  # glibc's maximum


@cache
def _glibc() -> ctypes.CDLL | None:
    """The C library of this process if it is glibc, else None."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


def use_one_heap() -> None:
    """Let all threads share one heap. Does nothing if the C library is not glibc.

    Call it before the first thread starts, since existing heaps stay in use. Each keeps up to 20 MB of freed
    memory, which return_freed_memory does not reach.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(M_ARENA_MAX, 1)


def keep_freed_memory() -> None:
    """Keep freed memory until return_freed_memory. Does nothing if the C library is not glibc.

    The kernel hands out zeroed pages one by one. To request the activations of every chunk anew takes a
    quarter of an update's time.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)


def return_freed_memory() -> None:
    """Return freed memory to the system. Does nothing if the C library is not glibc.

    glibc keeps freed blocks in pieces that later requests do not fit. The resident memory of a run then grows
    by about 20 MB in 50,000 steps, though no more of it is in use.
    """
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)
