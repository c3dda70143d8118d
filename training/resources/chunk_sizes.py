"""Into what an update on a CPU cuts its minibatches: one thread to a chunk."""

from __future__ import annotations

import math

LARGEST_CHUNK = 256
"""Samples: fewer cost more calls, more cost memory and leave cores without a chunk."""
SMALLEST_CHUNK = 32
"""Below this, a chunk is more overhead than work."""


def chunk_size(batch_size: int, cores: int) -> int:
    """Samples of a chunk, so that every core has one where that leaves them large enough."""
    return min(LARGEST_CHUNK, max(SMALLEST_CHUNK, math.ceil(batch_size / cores)))


def samples_at_once(batch_size: int, cores: int) -> int:
    """Samples of all chunks that are computed at a time."""
    return min(batch_size, cores * chunk_size(batch_size, cores))
