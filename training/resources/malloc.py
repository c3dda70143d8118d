"""What the C library's allocator keeps and gives back."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""glibc's numbers for how much free memory at the end of a heap, blocks of which size outside of it, and how
many heaps (malloc.h)."""
KEPT_BYTES = 1 << 30
LARGEST_BLOCK = 32 << 20  # glibc takes no more


@cache
def _glibc() -> ctypes.CDLL | None:
    """The C library of this process, where it is glibc."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


def use_one_heap() -> None:
    """Let all threads share one heap; does nothing where the C library is not glibc.

    To be called before the first thread starts: what has a heap of its own by then keeps it, and lends it to
    threads that start later. Each of those keeps up to 20 MB of what was freed, now more and now less, and
    return_freed_memory does not reach it.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(M_ARENA_MAX, 1)


def keep_freed_memory() -> None:
    """Keep what is freed from now on until return_freed_memory; does nothing where there is no glibc.

    The kernel hands out pages zeroed and one by one: to ask it for the activations of every chunk anew takes
    a quarter of an update's time.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        library.mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)


def return_freed_memory() -> None:
    """Give back to the machine what this process has freed; does nothing where the C library is not glibc.

    glibc keeps freed blocks for later, in pieces that later requests do not fit: resident memory of a run
    then climbs by some 20 MB in 50,000 steps, though no more of it is in use.
    """
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)
