"""Reading back what a run logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def points(curves: Callable[[], Any], key: str) -> list[tuple[int, float]]:
    """Return the steps and values of one curve."""
    return [(event.step, event.value) for event in curves().Scalars(key)]
