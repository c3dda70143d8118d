"""Shift, scale and bound of the rewards that PPO learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RewardShaping:
    """Computes (reward + ``shift``) x ``scale``, clipped to -``bound`` .. ``bound`` (None: not clipped).

    The order is that of rl_games's reward_shaper.
    """

    scale: float = 1.0
    shift: float = 0.0
    bound: float | None = None

    def __call__(self, rewards: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 rewards of any shape to those that PPO learns from, as a new array."""
        shaped = (rewards + np.float32(self.shift)) * np.float32(self.scale)
        return shaped if self.bound is None else shaped.clip(-self.bound, self.bound)
