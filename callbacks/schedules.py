"""Schedules for PPO's coefficients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import FloatSchedule

OF_UPDATES = ("ent_coef", "learning_rate", "clip_range", "clip_range_vf", "bc_coef")
PLAIN = ("ent_coef", "bc_coef")
"""Those that the model holds as numbers, not as functions."""
OF_ROLLOUTS = ("gamma", "gae_lambda")
NAMES = (*OF_UPDATES, *OF_ROLLOUTS)


def _no_factor() -> float:
    return 1.0


class Schedules(BaseCallback):
    """Sets the model's coefficients and records ``schedule/NAME`` for those of updates.

    ``gamma`` and ``gae_lambda`` are set before every rollout, at whose end advantages are computed. All
    others are set before every update.

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
        for name in filter(self.curves.__contains__, OF_UPDATES):
            value = self.curves[name](model.num_timesteps)
            if name == "learning_rate":
                value *= self.rate_factor()
                model.learning_rate, model.lr_schedule = value, FloatSchedule(value)
            elif name in PLAIN:
                setattr(model, name, value)
            else:
                setattr(model, name, FloatSchedule(value))
            self.logger.record(f"schedule/{name}", value)

    def _on_training_start(self) -> None:
        self._apply()

    def _on_rollout_start(self) -> None:
        for name in filter(self.curves.__contains__, OF_ROLLOUTS):
            value = self.curves[name](self.model.num_timesteps)
            setattr(self.model, name, value)
            setattr(cast(PPO, self.model).rollout_buffer, name, value)

    def _on_rollout_end(self) -> None:
        # The next update uses these values, and the log is dumped before it.
        self._apply()

    def _on_step(self) -> bool:
        return True
