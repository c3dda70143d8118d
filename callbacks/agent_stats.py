"""A ring buffer of ``info["agent_stats"]`` samples."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback

from envs.files import disk_may_refuse, write_atomically

FILE_NAME = "agent_stats.npz"
# total_steps: step count of the run; env: index of the environment; step: step within its episode;
# x, y: tiles; hp_fraction: 0 to 1; coord_count, battles_started: totals of the episode so far
SAMPLE = np.dtype(
    [
        ("total_steps", np.int64),
        ("env", np.int32),
        ("step", np.int32),
        ("map_id", np.uint8),
        ("x", np.uint8),
        ("y", np.uint8),
        ("badges", np.uint8),
        ("levels", np.int32),
        ("hp_fraction", np.float32),
        ("battle", np.int8),
        ("event_count", np.int32),
        ("coord_count", np.int32),
        ("battles_started", np.int32),
    ]
)
GIVEN = tuple(name for name in SAMPLE.names or () if name not in ("total_steps", "env"))


class SampleRing:
    """Ring buffer of the last ``size`` samples, allocated once."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size {size} must be at least 1")
        self._rows: NDArray[np.void] = np.zeros(size, dtype=SAMPLE)
        self.count = 0  # samples added since the ring was empty or refilled

    def add(self, total_steps: int, env: int, stats: Mapping[str, Any]) -> None:
        """Add one sample, replacing the oldest. Raises KeyError when ``stats`` lacks a field."""
        self._rows[self.count % len(self._rows)] = (total_steps, env, *(stats[name] for name in GIVEN))
        self.count += 1

    def recent(self) -> NDArray[np.void]:
        """Return the samples, oldest first: a view until the ring is full, then a copy."""
        size = len(self._rows)
        if self.count <= size:
            return self._rows[: self.count]
        return np.roll(self._rows, -(self.count % size))

    def refill(self, rows: NDArray[np.void]) -> None:
        """Replace the contents with ``rows`` of SAMPLE, oldest first. Only the last ``size`` are kept."""
        kept = rows[-len(self._rows) :]
        self._rows[: len(kept)] = kept
        self.count = len(kept)


class AgentStatsCallback(BaseCallback):
    """Keeps the last ``size`` samples of all environments and writes them to ``folder/agent_stats.npz``.

    The file holds one structured array ``samples`` (dtype ``SAMPLE``). It is written at the end of training
    and, when ``save_every_steps`` is given, about every that many steps.
    """

    state_key = "agent_stats"

    def __init__(self, folder: Path | None, size: int = 1000, save_every_steps: int | None = None) -> None:
        super().__init__()
        self.folder, self.save_every_steps = folder, save_every_steps
        self.ring = SampleRing(size)
        self._next_save = 0  # 0: training has not begun

    def recent(self) -> NDArray[np.void]:
        """The samples kept, oldest first."""
        return self.ring.recent()

    def save(self) -> None:
        """Write the samples to the file. Does nothing without a folder; a disk error becomes a warning."""
        if self.folder is None:
            return
        buffer = io.BytesIO()
        np.savez_compressed(buffer, samples=self.recent())
        with disk_may_refuse(self.folder / FILE_NAME):
            write_atomically(self.folder / FILE_NAME, buffer.getvalue())

    def snapshot(self) -> dict[str, Any]:
        """Return the samples as bytes of SAMPLE, and the step count of the next save."""
        return {"samples": self.recent().tobytes(), "next_save": self._next_save}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError, TypeError or ValueError when it is damaged."""
        self.ring.refill(np.frombuffer(snapshot["samples"], SAMPLE))
        self._next_save = int(snapshot["next_save"])

    def _on_training_start(self) -> None:
        if not self._next_save:  # not restored
            self._next_save = self.model.num_timesteps + (self.save_every_steps or 0)

    def _on_step(self) -> bool:
        for env, info in enumerate(self.locals["infos"]):
            stats = info.get("agent_stats")
            if stats is not None:
                self.ring.add(self.num_timesteps, env, stats)
        return True

    def _on_rollout_end(self) -> None:
        if self.save_every_steps is not None and self.num_timesteps >= self._next_save:
            self._next_save = self.num_timesteps + self.save_every_steps
            self.save()

    def _on_training_end(self) -> None:
        self.save()
