"""Settings of PPO's update."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from training.config.roles import Flag, Role, Settings
from training.config.schedules import Linear, Schedule, ScheduleFunction, curve, within

Share = Annotated[float, Field(gt=0, le=1)]
Coefficient = Annotated[Schedule, within(0, 10)]
Rate = Annotated[Schedule, within(0, 1, above=True)]
Weight = Annotated[float, Field(ge=0, le=10)]


class PPOSettings(Settings):
    """How PPO learns from each rollout."""

    n_steps: Annotated[int, Field(ge=1, le=1_000_000), Role.LEARNING, Flag()] = 512
    """Steps of each environment per rollout."""
    batch_size: Annotated[int, Field(ge=1, le=100_000_000), Role.LEARNING, Flag()] = 512
    """Minibatch size in steps; must divide n_steps x num_envs."""
    n_epochs: Annotated[int, Field(ge=1, le=1000), Role.LEARNING, Flag()] = 1
    """Passes over each rollout."""
    gamma: Annotated[Share, Role.LEARNING, Flag()] = 0.997
    """Discount factor."""
    gae_lambda: Annotated[float, Field(ge=0, le=1), Role.LEARNING, Flag()] = 0.95
    """Trade-off of bias and variance in generalized advantage estimation."""
    ent_coef: Annotated[Coefficient, Role.LEARNING, Flag()] = 0.01
    """Entropy coefficient (initial value when annealed)."""
    ent_coef_final: Annotated[Weight | None, Role.LEARNING] = None
    """Entropy coefficient at the end of annealing."""
    ent_coef_share: Annotated[Share, Role.LEARNING] = 1.0
    """Share of training over which the entropy coefficient is annealed."""
    learning_rate: Annotated[Rate, Role.LEARNING, Flag()] = 3e-4
    """Learning rate of the optimizer."""
    clip_range: Annotated[Rate, Role.LEARNING, Flag()] = 0.2
    """PPO clip range: limits how far one update changes an action's probability."""
    vf_coef: Annotated[float, Field(ge=0, le=100), Role.LEARNING, Flag()] = 0.5
    """Coefficient of the value loss."""
    max_grad_norm: Annotated[float, Field(gt=0, le=1000), Role.LEARNING, Flag()] = 0.5
    """Maximum norm for gradient clipping."""

    @model_validator(mode="after")
    def _one_entropy_schedule(self) -> Self:
        if self.ent_coef_final is not None and not isinstance(self.ent_coef, float):
            raise ValueError(
                f"ent_coef is already a schedule: ent_coef_final {self.ent_coef_final} must be left out"
            )
        return self

    def scheduled(self, training_steps: int) -> dict[str, ScheduleFunction]:
        """Return the coefficients that can be scheduled, as functions of the step count of a run."""
        entropy = self.ent_coef
        if isinstance(entropy, float) and self.ent_coef_final is not None:
            entropy = Linear(kind="linear", start=entropy, end=self.ent_coef_final, share=self.ent_coef_share)
        parts = {"ent_coef": entropy, "learning_rate": self.learning_rate, "clip_range": self.clip_range}
        return {name: curve(schedule, training_steps) for name, schedule in parts.items()}
