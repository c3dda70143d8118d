"""The callback that prunes recorded episodes during training."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from stable_baselines3.common.callbacks import BaseCallback

from training.replays.episode_folder import EpisodeFolder

PRUNE_EVERY = 65_536  # steps of all environments together


class PruneEpisodes(BaseCallback):
    """Prunes the folder of recorded episodes to ``limit`` bytes between rollouts, every 65,536 steps.

    ``wanted`` is False if no episodes are recorded.
    """

    def __init__(self, folder: Path, limit: int, wanted: bool = True) -> None:
        super().__init__()
        self.files = EpisodeFolder(folder)
        self.limit = limit
        self.wanted = wanted
        self._next = 0

    def _on_training_start(self) -> None:
        self._next = self.model.num_timesteps + PRUNE_EVERY
        with suppress(OSError):
            self.files.sweep()

    def _on_rollout_start(self) -> None:
        if self.model.num_timesteps >= self._next:
            self._next = self.model.num_timesteps + PRUNE_EVERY
            self.tidy()

    def _on_step(self) -> bool:
        return True

    def tidy(self) -> None:
        """Prune the folder. If the disk refuses, try again the next time."""
        if self.wanted:
            with suppress(OSError):
                self.files.refresh()
                self.files.prune(self.limit)

    @property
    def line(self) -> str | None:
        """The closing line about the run's episodes; None if there are none."""
        return f"{self.files} in {self.files.folder}" if self.files.entries else None
