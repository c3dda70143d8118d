"""Counts interventions by kind, such as writes to the games' memory: results with and without them are not
comparable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback


class InterventionLedger(BaseCallback):
    """Collects the environments' interventions after every rollout, from finished and running episodes.

    ``counts`` has every kind in ``switched_on`` from the start, and any other once it occurs.
    """

    state_key = "interventions"

    def __init__(self, switched_on: Iterable[str] = ()) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter(dict.fromkeys(switched_on, 0))

    def snapshot(self) -> dict[str, Any]:
        """Return the counts, as JSON values."""
        return dict(self.counts)

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Values that are not integers are ignored."""
        for kind, count in snapshot.items():
            if isinstance(count, int):
                self.counts[kind] = count

    def _take(self) -> None:
        for written in self.training_env.env_method("take_interventions"):
            self.counts.update(written)

    def _on_rollout_end(self) -> None:
        self._take()

    def _on_training_end(self) -> None:
        self._take()

    def _on_step(self) -> bool:
        return True
