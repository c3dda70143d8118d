"""Writes what an update measured at the step it belongs to.

stable-baselines3 records ``train/*`` inside ``train()``, which runs after the log dump of its rollout: the
values of an update appear one rollout late, and those of the last update never. This callback dumps the log
once more as soon as an update is complete.
"""

from __future__ import annotations

from stable_baselines3.common.callbacks import BaseCallback

N_UPDATES = "train/n_updates"


class LogUpdates(BaseCallback):
    """Dumps the log after every update. It must be the last callback, after those that record what an
    update was."""

    def _dump(self) -> None:
        if N_UPDATES in self.logger.name_to_value:
            self.logger.dump(self.model.num_timesteps)

    def _on_rollout_start(self) -> None:
        self._dump()

    def _on_training_end(self) -> None:
        self._dump()

    def _on_step(self) -> bool:
        return True
