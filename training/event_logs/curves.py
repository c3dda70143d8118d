"""Curves of a run from its TensorBoard files, one key at a time."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.event_logs.reader import EventReader
from training.event_logs.records import files_in

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]  # steps and values, both (points,)


def read_curve(run: Path, key: str) -> Curve:
    """Return the scalars of ``run`` under ``key``; of two with the same step (after a resume) the later one.
    NaN and infinite values are left out; empty if there are no values."""
    rows = EventReader(files_in(run / "tensorboard")).rows()
    logged = ((row.step, row.values.get(key, math.nan)) for row in rows)
    points = [(step, value) for step, value in logged if math.isfinite(value)]
    steps, values = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return steps, values


def mean_curve(curves: list[Curve]) -> Curve:
    """Return the mean of the curves over the steps that all of them cover (linear interpolation)."""
    usable = [curve for curve in curves if len(curve[0])]
    if not usable:
        return np.array([]), np.array([])
    first, last = max(steps[0] for steps, _ in usable), min(steps[-1] for steps, _ in usable)
    steps = np.unique(np.concatenate([steps for steps, _ in usable]))
    steps = steps[(steps >= first) & (steps <= last)]
    values: NDArray[np.float64] = np.mean([np.interp(steps, *curve) for curve in usable], axis=0)
    return steps, values
