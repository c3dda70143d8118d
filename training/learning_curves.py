"""Curves of a run as its TensorBoard files have them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]  # steps and values, both (points,)


def read_curve(run: Path, key: str) -> Curve:
    """The scalars that ``run`` logged under ``key``, by steps; the later one where two have the same step
    (a session that was resumed). Those that are no numbers yet are left out; empty when there are none."""
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={SCALARS: 0})
    events.Reload()
    found = events.Scalars(key) if key in events.Tags()["scalars"] else []
    points = {event.step: event.value for event in found if math.isfinite(event.value)}
    steps = sorted(points)
    return np.array(steps, dtype=np.float64), np.array([points[step] for step in steps], dtype=np.float64)


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
