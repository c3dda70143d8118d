"""Callback that keeps the start archive of a run and sends environments where to begin.

All decisions are made between two rollouts, from the order of environments and steps alone, so that they do
not depend on timing or on the distribution of environments over processes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from envs.archive_scout import Cell
from training.config.sections.archive import ArchiveConfig
from training.start_archive.archive import Archive
from training.start_archive.selection import draw

FOUND = "found_cell"
"""Key of an environment's info that holds a cell it found."""
MOST_AHEAD = 8
"""Starts that an environment knows ahead; further episodes of the same rollout begin at plain starts."""


class StartArchive(BaseCallback):
    """Lets a share of the episodes begin in cells that earlier episodes reached.

    Records ``archive/*`` after each rollout. ``steps_per_rollout`` and ``max_steps`` (of an episode) say how
    many episodes an environment may begin in a rollout.
    """

    state_key = "start_archive"

    def __init__(self, config: ArchiveConfig, steps_per_rollout: int, max_steps: int, seed: int) -> None:
        super().__init__()
        self.config = config
        self.archive = Archive(config.capacity)
        self._ahead_count = min(MOST_AHEAD, 1 + -(-steps_per_rollout // max_steps))
        self._generator = np.random.default_rng(np.random.SeedSequence([seed, 0x5747]))
        self._found: list[Cell] = []
        self._ahead: list[deque[str | None]] = []  # by environment: keys of cells, None for a plain start
        self._recent: deque[bool] = deque(maxlen=100)  # whether the latest episodes began in the archive

    # --- checkpoints ---

    def snapshot(self) -> dict[str, Any]:
        """Return the archive, what was sent to the environments, and the random generator."""
        return {
            "archive": self.archive.snapshot(),
            "ahead": [list(keys) for keys in self._ahead],
            "recent": list(self._recent),
            "random": self._generator.bit_generator.state,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError, TypeError or ValueError when it is damaged."""
        self.archive.restore(snapshot["archive"])
        self._ahead = [deque(keys) for keys in snapshot["ahead"]]
        self._recent = deque(map(bool, snapshot["recent"]), maxlen=100)
        generator = np.random.PCG64()
        generator.state = snapshot["random"]
        self._generator = np.random.Generator(generator)

    # --- training ---

    def _on_training_start(self) -> None:
        count = self.training_env.num_envs
        if len(self._ahead) != count:  # a new run, or one with another number of environments
            self._ahead = [deque() for _ in range(count)]
        self._send()

    def _on_step(self) -> bool:
        for env, info in enumerate(self.locals["infos"]):
            cell = info.pop(FOUND, None)
            if cell is not None:
                self._found.append(cell)
            if "TimeLimit.truncated" in info and self.locals["dones"][env]:
                self._begun(env, lost="episode_stats" not in info)
        return True

    def _begun(self, env: int, lost: bool) -> None:
        """Count the beginning of an episode. A worker that replaced a lost one knows no starts."""
        if lost:
            self._ahead[env].clear()
            return
        key = self._ahead[env].popleft() if self._ahead[env] else None
        self._recent.append(key is not None)
        if key is not None and key in self.archive.entries:
            self.archive.entries[key].visits += 1

    def _on_rollout_end(self) -> None:
        new = self.archive.merge(self._found)
        self._found = []
        self._ahead = [deque(self._draw() for _ in range(self._ahead_count)) for _ in self._ahead]
        self._send()
        self._record(new)

    def _draw(self) -> str | None:
        """Draw where an episode begins: the key of a cell, or None for a plain start."""
        if self._generator.random() >= self.config.share or not self.archive.entries:
            return None
        return draw(list(self.archive.entries.values()), self.config.selection, self._generator).cell.key

    def _send(self) -> None:
        env, entries = self.training_env, self.archive.entries
        env.env_method("follow_archive", self.config.cells, self.archive.lengths())
        for index, keys in enumerate(self._ahead):
            cells = [entries[key].cell if key in entries else None for key in keys]
            env.env_method("begin_next_at", cells, indices=index)

    def _record(self, new: int) -> None:
        furthest = self.archive.furthest()
        values = {
            "cells": len(self.archive.entries),
            "new_cells": new,
            "milestones": furthest.rank if furthest else 0,
            "way_steps": furthest.cell.length if furthest else 0,
            "share": sum(self._recent) / len(self._recent) if self._recent else 0.0,
        }
        for name, value in values.items():
            self.logger.record(f"archive/{name}", value)
