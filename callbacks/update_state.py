"""Keeps what adapts itself from update to update, so that a resumed run continues with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from stable_baselines3.common.callbacks import BaseCallback

from callbacks.adaptive_rate import AdaptiveRate


class UpdateState(BaseCallback):
    """Gives the model its adaptive learning rate when training starts, and keeps it in checkpoints.

    ``rate`` is None where the learning rate is constant or follows a schedule.
    """

    state_key = "update"

    def __init__(self, rate: AdaptiveRate | None) -> None:
        super().__init__()
        self.rate = rate

    def snapshot(self) -> dict[str, Any]:
        """Return the state of what adapts itself, as JSON values."""
        return {"rate": None if self.rate is None else self.rate.snapshot()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError, TypeError or ValueError when it is damaged."""
        rate = snapshot["rate"]
        if self.rate is not None and rate is not None:
            self.rate.restore(rate)

    def _on_training_start(self) -> None:
        cast(Any, self.model).adaptive_rate = self.rate

    def _on_step(self) -> bool:
        return True
