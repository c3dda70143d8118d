"""A bounded memory of what the agents were doing: samples of ``info["agent_stats"]`` in a ring buffer."""

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
# total_steps: step count of the run; env: index of the environment; step: step of its episode; x, y: tiles;
# hp_fraction: 0 to 1; coord_count, battles_started: tiles visited and battles begun in the episode so far
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
    """The last ``size`` samples, in memory that is allocated once."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a ring of {size} samples: it must hold at least 1")
        self._rows: NDArray[np.void] = np.zeros(size, dtype=SAMPLE)
        self.count = 0  # samples added since it was empty or refilled

    def add(self, total_steps: int, env: int, stats: Mapping[str, Any]) -> None:
        """Adds one sample over the oldest. KeyError when ``stats`` lacks a field."""
        self._rows[self.count % len(self._rows)] = (total_steps, env, *(stats[name] for name in GIVEN))
        self.count += 1

    def recent(self) -> NDArray[np.void]:
        """What is kept, oldest first: a view while the ring is not full, a copy of the same size after."""
        size = len(self._rows)
        if self.count <= size:
            return self._rows[: self.count]
        return np.roll(self._rows, -(self.count % size))

    def refill(self, rows: NDArray[np.void]) -> None:
        """Hold ``rows`` of SAMPLE, oldest first, and nothing else; of more than fit, the last."""
        kept = rows[-len(self._rows) :]
        self._rows[: len(kept)] = kept
        self.count = len(kept)


class AgentStatsCallback(BaseCallback):
    """Keeps the last ``size`` samples of all environments and writes them to ``folder/agent_stats.npz``.

    Environments send a sample every tenth step. The file is written at the end of training and, when
    ``save_every_steps`` is given, about as often; it holds one structured array ``samples`` (fields of
    ``SAMPLE``).
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
        """Writes what is kept now; does nothing without a folder. A disk that refuses costs a warning."""
        if self.folder is None:
            return
        buffer = io.BytesIO()
        np.savez_compressed(buffer, samples=self.recent())
        with disk_may_refuse(self.folder / FILE_NAME):
            write_atomically(self.folder / FILE_NAME, buffer.getvalue())

    def snapshot(self) -> dict[str, Any]:
        """The samples as bytes of SAMPLE, and the step count of the next save."""
        return {"samples": self.recent().tobytes(), "next_save": self._next_save}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from what ``snapshot`` gave. Raises KeyError, TypeError or ValueError when damaged."""
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
