"""Logs the metrics of an update at its own step.

stable-baselines3 records ``train/*`` inside ``train()``, after the log dump of the rollout. The metrics of an
update therefore appear one rollout late, and those of the last update never. This callback dumps the log once
more as soon as an update is complete.
"""

from __future__ import annotations

from stable_baselines3.common.callbacks import BaseCallback

N_UPDATES = "train/n_updates"


class LogUpdates(BaseCallback):
    """Dumps the log after every update. It must come after the callbacks that record an update's metrics."""

    def _dump(self) -> None:
        if N_UPDATES in self.logger.name_to_value:
            self.logger.dump(self.model.num_timesteps)

    def _on_rollout_start(self) -> None:
        self._dump()

    def _on_training_end(self) -> None:
        self._dump()

    def _on_step(self) -> bool:
        return True
