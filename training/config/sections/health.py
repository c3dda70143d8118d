"""The config section "health": what a run does about health findings."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from callbacks.adaptive_rate import MAX_RATE, MIN_RATE
from callbacks.health.learning_rate import LearningRateControl

Policy = Literal["log", "stop"]
SteeredPolicy = Literal["log", "adapt", "stop"]
Rate = Annotated[float, Field(gt=0, le=1)]
RATE_SETTINGS = ("kl_target", "min_learning_rate", "max_learning_rate")


class HealthConfig(BaseModel):
    """A policy for each finding, and bounds for adapting the learning rate.

    "log" only reports a finding. "stop" saves and ends the run when it is bad. "adapt" divides the learning
    rate by 1.5 while the KL divergence is more than twice ``kl_target``, and multiplies it by 1.5 while it is
    less than half of it, within the two bounds. "finite" concerns metrics and weights that are NaN or
    infinite.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    approx_kl: SteeredPolicy = "log"
    """What to do about the KL divergence of updates."""
    clip_fraction: SteeredPolicy = "log"
    """What to do about the share of steps whose ratio is clipped."""
    explained_variance: Policy = "log"
    """What to do about the share of the returns' variance that the values explain."""
    entropy: Policy = "log"
    """What to do about the entropy of the policy."""
    value_loss: Policy = "log"
    """What to do about the value loss."""
    steps_per_second: Policy = "log"
    """What to do about the speed."""
    memory: Policy = "log"
    """What to do about the memory of the run."""
    farm_alarm: Policy = "log"
    """What to do about a reward component that is farmed."""
    finite: Policy = "stop"
    """What to do about metrics and weights that are NaN or infinite."""
    kl_target: Annotated[float, Field(gt=0, le=0.1)] = 0.02
    """KL divergence that "adapt" aims at, from half of it to twice."""
    min_learning_rate: Rate = MIN_RATE
    """Lowest learning rate that "adapt" sets."""
    max_learning_rate: Rate = MAX_RATE
    """Highest learning rate that "adapt" sets."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min_learning_rate > self.max_learning_rate:
            raise ValueError(
                f"min_learning_rate {self.min_learning_rate} must be at most max_learning_rate"
                f" {self.max_learning_rate}"
            )
        return self

    @model_validator(mode="after")
    def _bounds_have_an_effect(self) -> Self:
        for key in RATE_SETTINGS:
            value = getattr(self, key)
            if value != type(self).model_fields[key].default and self.steers is None:
                raise ValueError(f'{key} {value} has no effect without approx_kl or clip_fraction "adapt"')
        return self

    @property
    def steers(self) -> str | None:
        """A policy that is "adapt", or None."""
        return next((key for key in ("approx_kl", "clip_fraction") if getattr(self, key) == "adapt"), None)

    def policies(self) -> dict[str, SteeredPolicy]:
        """Return the policy of each finding."""
        names = (name for name in type(self).model_fields if name not in RATE_SETTINGS)
        return {name: getattr(self, name) for name in names}

    def steering(self) -> LearningRateControl | None:
        """Return the control that adapts the learning rate, or None when no policy is "adapt"."""
        if self.steers is None:
            return None
        by_kl, by_clip = self.approx_kl == "adapt", self.clip_fraction == "adapt"
        return LearningRateControl(
            self.kl_target, self.min_learning_rate, self.max_learning_rate, by_kl, by_clip
        )
