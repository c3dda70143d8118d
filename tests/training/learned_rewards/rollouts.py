"""Small rollouts to try learned rewards on."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from training.learned_rewards.interface import Rollout, Setting

SCREEN = (3, 72, 80)


def setting(n_envs: int, seed: int = 0) -> Setting:
    """The setting of models for ``n_envs`` environments that observe the screen and eight badges."""
    boxes = {
        "screen": spaces.Box(0, 255, SCREEN, np.uint8),
        "badges": spaces.Box(0, 255, (8,), np.uint8),
    }
    return Setting(spaces.Dict(boxes), n_envs, seed)  # type: ignore[arg-type]


def rollout(
    cells: Any = None,
    *,
    screens: NDArray[np.uint8] | None = None,
    starts: Any = None,
    valid: Any = None,
) -> Rollout:
    """A rollout with these cells (n_steps, n_envs), or with these screens.

    ``screens``, (n_steps + 1, n_envs, 3, 72, 80), are those before each step and after the last.
    """
    if screens is None:
        shape = np.array(cells).shape
        screens = np.zeros((shape[0] + 1, shape[1], *SCREEN), np.uint8)
    shape = len(screens) - 1, screens.shape[1]
    badges = np.zeros((shape[0] + 1, shape[1], 8), np.uint8)
    return Rollout(
        observations={"screen": screens[:-1], "badges": badges[:-1]},
        last={"screen": screens[-1], "badges": badges[-1]},
        actions=np.zeros(shape, np.int64),
        episode_starts=np.zeros(shape, np.bool_) if starts is None else np.array(starts, np.bool_),
        dones=np.zeros(shape[1], np.bool_),
        cells=np.zeros(shape, np.uint64) if cells is None else np.array(cells, np.uint64),
        valid=np.ones(shape, np.bool_) if valid is None else np.array(valid, np.bool_),
    )
