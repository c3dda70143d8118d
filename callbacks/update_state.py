"""Keeps what adapts itself from update to update, so that a resumed run continues with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from stable_baselines3.common.callbacks import BaseCallback

from callbacks.adaptive_rate import AdaptiveRate


class Discounts(Protocol):
    """A control that learns the discount factor or the trace."""

    def snapshot(self) -> Mapping[str, Any]: ...
    def restore(self, snapshot: Mapping[str, Any]) -> None: ...


class UpdateState(BaseCallback):
    """Gives the model what adapts itself when training starts, and keeps its state in checkpoints.

    ``rate`` is None where the learning rate is constant or follows a schedule, ``discounts`` where neither
    gamma nor lambda is learned.
    """

    state_key = "update"

    def __init__(self, rate: AdaptiveRate | None, discounts: Discounts | None = None) -> None:
        super().__init__()
        self.rate, self.discounts = rate, discounts

    def snapshot(self) -> dict[str, Any]:
        """Return the state of what adapts itself: plain values and arrays."""
        return {name: None if part is None else part.snapshot() for name, part in self._parts().items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises KeyError, TypeError or ValueError when it is damaged."""
        for name, part in self._parts().items():
            kept = snapshot[name]
            if part is not None and kept is not None:
                part.restore(kept)

    def _parts(self) -> dict[str, AdaptiveRate | Discounts | None]:
        return {"rate": self.rate, "discounts": self.discounts}

    def _on_training_start(self) -> None:
        model = cast(Any, self.model)
        model.adaptive_rate, model.learned_discounts = self.rate, self.discounts

    def _on_step(self) -> bool:
        return True
