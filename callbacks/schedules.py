"""Schedules for PPO's entropy coefficient, learning rate and clip range."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import FloatSchedule

NAMES = ("ent_coef", "learning_rate", "clip_range")


def _no_factor() -> float:
    return 1.0


class Schedules(BaseCallback):
    """Sets the model's coefficients before every update and records ``schedule/NAME`` for each.

    ``curves`` maps some of NAMES to functions of the step count alone, so a resumed run follows the same
    curves. The learning rate is multiplied by ``rate_factor()``. Raises ValueError for another name.
    """

    def __init__(
        self, curves: Mapping[str, Callable[[int], float]], rate_factor: Callable[[], float] = _no_factor
    ) -> None:
        super().__init__()
        unknown = sorted(curves.keys() - set(NAMES))
        if unknown:
            raise ValueError(f"{unknown[0]} cannot be scheduled; known: {', '.join(NAMES)}")
        self.curves = dict(curves)
        self.rate_factor = rate_factor

    def _apply(self) -> None:
        model = cast(PPO, self.model)
        for name, curve in self.curves.items():
            value = curve(model.num_timesteps)
            if name == "learning_rate":
                value *= self.rate_factor()
                model.learning_rate, model.lr_schedule = value, FloatSchedule(value)
            elif name == "clip_range":
                model.clip_range = FloatSchedule(value)
            else:
                model.ent_coef = value
            self.logger.record(f"schedule/{name}", value)

    def _on_training_start(self) -> None:
        self._apply()

    def _on_rollout_end(self) -> None:
        # The next update uses these values, and the log is dumped before it.
        self._apply()

    def _on_step(self) -> bool:
        return True
