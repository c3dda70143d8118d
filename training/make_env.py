"""Vector environments from a config, for scripts and notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.config.schema import TrainConfig
from training.environments.task import resolve_task

if TYPE_CHECKING:  # importing it imports torch, which takes seconds
    from training.environments.monitor import GroupVecMonitor


def make_vec_env(
    config: TrainConfig,
    num_envs: int | None = None,
    *,
    use_graphics: bool = False,
    record: Path | None = None,
) -> GroupVecMonitor:
    """Make ``num_envs`` (default: the config's) environments in ``config.workers`` processes (default: one
    per core), or on the Ray cluster at ``config.ray_address``.

    The ROM is checked and the start state made before any process starts. ``use_graphics`` shows the first
    environment in a window. ``record`` is a folder for recorded episodes (default: do not record).

    Raises:
        UserError: the ROM, the start state or the goal is wrong, there is no display for the window, or no
            cluster with room and the same cartridge.
    """
    from training.environments.vectorized import task_vec_env

    return task_vec_env(resolve_task(config), num_envs, use_graphics=use_graphics, record=record)
