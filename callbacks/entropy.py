"""Entropy annealing: the entropy coefficient as a pure function of the step count."""

from __future__ import annotations

from typing import cast

from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback


def entropy_at(steps: int, total_steps: int, start: float, end: float, share: float = 1.0) -> float:
    """The coefficient after ``steps`` of ``total_steps`` environment steps: a straight line from ``start``
    to ``end`` over the first ``share`` (0 to 1) of training, then ``end``."""
    length = share * total_steps
    if steps >= length:
        return end
    return start + (end - start) * (steps / length)


class EntropyAnnealing(BaseCallback):
    """Sets the model's entropy coefficient before every update and records ``schedule/ent_coef``.

    The coefficient depends on nothing but the step count, so a resumed run goes on along the same line.
    Raises ValueError when ``total_steps`` is below 1, ``share`` is not above 0 and at most 1, or a
    coefficient is below 0.
    """

    def __init__(self, start: float, end: float, total_steps: int, share: float = 1.0) -> None:
        super().__init__()
        if total_steps < 1 or not 0 < share <= 1 or min(start, end) < 0:
            raise ValueError(
                f"entropy from {start} to {end} over share {share} of {total_steps} steps: coefficients must"
                " be 0 or above, the share above 0 and at most 1, the steps at least 1"
            )
        self.start, self.end, self.total_steps, self.share = start, end, total_steps, share

    def _apply(self) -> None:
        steps = self.model.num_timesteps
        value = entropy_at(steps, self.total_steps, self.start, self.end, self.share)
        cast(PPO, self.model).ent_coef = value
        self.logger.record("schedule/ent_coef", value)

    def _on_training_start(self) -> None:
        self._apply()

    def _on_rollout_end(self) -> None:
        # The update that follows uses this value, and the log is dumped between here and there.
        self._apply()

    def _on_step(self) -> bool:
        return True
