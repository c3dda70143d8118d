"""Recognises that memory ran out, and says so in one line."""

from __future__ import annotations

from envs.errors import ProgramError

TORCH = ("can't allocate memory", "out of memory")
"""What torch says in a RuntimeError when the system (DefaultCPUAllocator) or a GPU has no more memory."""


class OutOfMemory(ProgramError):
    """Memory ran out in the middle of the work."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether ``error``, from Python, numpy or torch, says that memory ran out."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in TORCH)


def in_one_line(error: Exception) -> str:
    """Return the error's message without line breaks."""
    return " ".join(str(error).split()) or "no more can be had"
