"""Helpers for tests of vector environments: random actions, exact comparisons, ends of processes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray


def same(left: Any, right: Any) -> bool:
    """Whether two observations are equal byte for byte."""
    return left.keys() == right.keys() and all(
        left[key].dtype == right[key].dtype and left[key].tobytes() == right[key].tobytes() for key in right
    )


def actions(number: int, steps: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(7, size=(steps, number))


def assert_same_infos(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> None:
    for ours, theirs in zip(left, right, strict=True):
        assert ours.keys() == theirs.keys()
        if "terminal_observation" in theirs:
            assert same(ours.pop("terminal_observation"), theirs.pop("terminal_observation"))
        assert ours == theirs


def gone(pids: list[int], seconds: float = 5) -> bool:
    """Whether the processes end within ``seconds``."""
    deadline = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(psutil.pid_exists(pid) for pid in pids)
