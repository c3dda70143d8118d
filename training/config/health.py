"""What a run does about findings of its health: the config's section "health"."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from callbacks.health.learning_rate import LearningRateControl

Policy = Literal["log", "stop"]
SteeredPolicy = Literal["log", "adapt", "stop"]
Rate = Annotated[float, Field(gt=0, le=1)]


class HealthConfig(BaseModel):
    """A policy for each finding, and the bounds of adapting the learning rate.

    "log" writes a finding down, "stop" saves and ends the run when it is bad, "adapt" divides the learning
    rate by 1.5 or multiplies it while the KL divergence is more than twice ``kl_target`` or less than half of
    it, within the two bounds. "finite" is about numbers and weights that are NaN or infinite.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    approx_kl: SteeredPolicy = "log"
    clip_fraction: SteeredPolicy = "log"
    explained_variance: Policy = "log"
    entropy: Policy = "log"
    value_loss: Policy = "log"
    steps_per_second: Policy = "log"
    memory: Policy = "log"
    farm_alarm: Policy = "log"
    finite: Policy = "stop"
    kl_target: Annotated[float, Field(gt=0, le=0.1)] = 0.02
    min_learning_rate: Rate = 1e-6
    max_learning_rate: Rate = 1e-2

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_learning_rate > self.max_learning_rate:
            raise ValueError(
                f"min_learning_rate {self.min_learning_rate} must be at most max_learning_rate"
                f" {self.max_learning_rate}"
            )
        return self

    def policies(self) -> dict[str, SteeredPolicy]:
        """The policy of each finding."""
        apart = {"kl_target", "min_learning_rate", "max_learning_rate"}
        return {name: getattr(self, name) for name in type(self).model_fields if name not in apart}

    def steering(self) -> LearningRateControl | None:
        """What adapts the learning rate; None when nothing does."""
        by_kl, by_clip = self.approx_kl == "adapt", self.clip_fraction == "adapt"
        if not by_kl and not by_clip:
            return None
        return LearningRateControl(
            self.kl_target, self.min_learning_rate, self.max_learning_rate, by_kl, by_clip
        )
