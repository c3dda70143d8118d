"""Observation and action spaces as JSON, for checking whether a checkpoint fits."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces


def _describe(space: spaces.Space[Any]) -> dict[str, Any]:
    if isinstance(space, spaces.Box):
        bounds = [float(np.min(space.low)), float(np.max(space.high))]
        return {"kind": "Box", "shape": list(space.shape), "dtype": str(space.dtype), "bounds": bounds}
    if isinstance(space, spaces.Discrete):
        return {"kind": "Discrete", "n": int(space.n)}
    if isinstance(space, spaces.MultiDiscrete):
        return {"kind": "MultiDiscrete", "n": [int(n) for n in space.nvec.ravel()]}
    return {"kind": type(space).__name__, "shape": list(space.shape or ())}


def spaces_schema(observations: spaces.Space[Any], actions: spaces.Space[Any]) -> dict[str, Any]:
    """Return kind, shape, dtype and bounds of each observation and of the actions."""
    parts = observations.spaces if isinstance(observations, spaces.Dict) else {"observation": observations}
    return {
        "observations": {name: _describe(space) for name, space in parts.items()},
        "actions": _describe(actions),
    }


def schema_differences(saved: dict[str, Any], here: dict[str, Any]) -> str:
    """Describe the differences between two schemas; empty without any."""
    found: list[str] = []
    ours, theirs = here["observations"], saved.get("observations", {})
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            found.append(f"observation {name} was {_short(theirs.get(name))}, is {_short(ours.get(name))}")
    if saved.get("actions") != here["actions"]:
        found.append(f"actions were {_short(saved.get('actions'))}, are {_short(here['actions'])}")
    return ", ".join(found)


def _short(part: dict[str, Any] | None) -> str:
    if part is None:
        return "absent"
    return " ".join(str(value) for value in part.values())
