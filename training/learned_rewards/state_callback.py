"""Keeps the state of a learned reward in checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

from training.learned_rewards.interface import RewardModel


class LearnedRewardState(BaseCallback):
    """Makes the state of ``model`` part of checkpoints. See training.checkpoints.callback_states."""

    state_key = "intrinsic"

    def __init__(self, reward: RewardModel) -> None:
        super().__init__()
        self._reward = reward

    def snapshot(self) -> dict[str, Any]:
        """Return the model's state."""
        return self._reward.state()

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``. Raises ValueError, KeyError or TypeError if it does not fit."""
        self._reward.restore(snapshot)

    def _on_step(self) -> bool:
        return True
