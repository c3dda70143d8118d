"""Curves of a run, one key at a time, as its TensorBoard files have them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.event_logs.reader import EventReader
from training.event_logs.records import files_in

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]  # steps and values, both (points,)


def read_curve(run: Path, key: str) -> Curve:
    """The scalars that ``run`` logged under ``key``, by steps; the later one where two have the same step
    (a session that was resumed). NaN and infinite values are left out; empty when there are none."""
    rows = EventReader(files_in(run / "tensorboard")).rows()
    logged = ((row.step, row.values.get(key, math.nan)) for row in rows)
    points = [(step, value) for step, value in logged if math.isfinite(value)]
    steps, values = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return steps, values


def mean_curve(curves: list[Curve]) -> Curve:
    """The mean of the curves, over the steps at which all of them have values (linear in between)."""
    usable = [curve for curve in curves if len(curve[0])]
    if not usable:
        return np.array([]), np.array([])
    first, last = max(steps[0] for steps, _ in usable), min(steps[-1] for steps, _ in usable)
    steps = np.unique(np.concatenate([steps for steps, _ in usable]))
    steps = steps[(steps >= first) & (steps <= last)]
    values: NDArray[np.float64] = np.mean([np.interp(steps, *curve) for curve in usable], axis=0)
    return steps, values
