"""Sizes of the chunks into which an update on a CPU cuts its minibatches, one thread per chunk."""

from __future__ import annotations

import math

LARGEST_CHUNK = 256
"""Samples. Smaller chunks cost more calls; larger ones cost memory and leave cores idle."""
SMALLEST_CHUNK = 32
"""Samples. Smaller chunks are more overhead than work."""


def chunk_size(batch_size: int, cores: int) -> int:
    """Samples per chunk, so that every core has a chunk if they are large enough."""
    return min(LARGEST_CHUNK, max(SMALLEST_CHUNK, math.ceil(batch_size / cores)))


def sequence_chunk(chunk: int, length: int, window: int = 1) -> int:
    """Samples per chunk of whole sequences of ``length``.

    ``window``: steps that the policy reads to compute one. It takes as much memory as that many samples.
    """
    fitting = chunk // window
    return max(length, fitting - fitting % length)


def samples_at_once(batch_size: int, cores: int, length: int = 1, window: int = 1) -> int:
    """Samples of all chunks computed at the same time. ``length`` and ``window``: see ``sequence_chunk``."""
    return min(batch_size, cores * sequence_chunk(chunk_size(batch_size, cores), length, window))
