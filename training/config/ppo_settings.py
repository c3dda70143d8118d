"""Settings of PPO's update."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from callbacks.adaptive_rate import KL_THRESHOLD, MAX_RATE, MIN_RATE, AdaptiveRate
from training.config.discounts import DiscountSetting
from training.config.roles import Flag, Role, Settings
from training.config.schedules import (
    RAMPS,
    BaseSchedule,
    Linear,
    Schedule,
    ScheduleFunction,
    bounded,
    curve,
    values_of,
    within,
)

Share = Annotated[float, Field(gt=0, le=1)]
Discount = Annotated[DiscountSetting, within(0, 1, above=True)]
Trace = Annotated[DiscountSetting, within(0, 1)]
Coefficient = Annotated[Schedule, within(0, 10)]
Rate = Annotated[Schedule, within(0, 1, above=True)]
Bound = Annotated[float, Field(gt=0, le=1)]
Distance = Annotated[Schedule, within(0, 1_000_000, above=True)]
Weight = Annotated[float, Field(ge=0, le=10)]


def _normalization(value: Any) -> Any:
    """Return the word for stable-baselines3's true and false."""
    return {True: "minibatch", False: "off"}[value] if isinstance(value, bool) else value


Normalization = Annotated[Literal["minibatch", "batch", "off"], BeforeValidator(_normalization)]


class PPOSettings(Settings):
    """How PPO learns from each rollout."""

    n_steps: Annotated[int, Field(ge=1, le=1_000_000), Role.LEARNING, Flag()] = 512
    """Steps of each environment per rollout."""
    batch_size: Annotated[int, Field(ge=1, le=100_000_000), Role.LEARNING, Flag()] = 512
    """Minibatch size in steps; must divide n_steps x num_envs."""
    n_epochs: Annotated[int, Field(ge=1, le=1000), Role.LEARNING, Flag()] = 1
    """Passes over each rollout."""
    gamma: Annotated[Discount, Role.LEARNING, Flag()] = 0.997
    """Discount factor: a number, a schedule or learned."""
    gae_lambda: Annotated[Trace, Role.LEARNING, Flag()] = 0.95
    """Trade-off of bias and variance in generalized advantage estimation: a number, a schedule or learned."""
    value_bootstrap: Annotated[bool, Role.LEARNING, Flag()] = True
    """Add the discounted value of the last state to the reward where the time limit ended an episode."""
    normalize_advantage: Annotated[Normalization, Role.LEARNING, Flag()] = "minibatch"
    """Normalize advantages over each minibatch or the whole rollout (batch); true is minibatch, false off."""
    ent_coef: Annotated[Coefficient, Role.LEARNING, Flag()] = 0.01
    """Entropy coefficient (initial value when annealed)."""
    ent_coef_final: Annotated[Weight | None, Role.LEARNING] = None
    """Entropy coefficient at the end of annealing."""
    ent_coef_share: Annotated[Share, Role.LEARNING] = 1.0
    """Share of training over which the entropy coefficient is annealed."""
    learning_rate: Annotated[Rate, Role.LEARNING, Flag()] = 3e-4
    """Learning rate of the optimizer (initial value with lr_schedule)."""
    lr_schedule: Annotated[
        Literal["linear", "cosine", "exponential", "adaptive"] | None, Role.LEARNING, Flag()
    ] = None
    """How the learning rate changes: towards lr_end, or adapted to the KL divergence."""
    lr_end: Annotated[float | None, Field(ge=0, le=1), Role.LEARNING, Flag()] = None
    """Learning rate at the end of a linear, cosine or exponential lr_schedule; 1e-6 when left out."""
    kl_threshold: Annotated[float | None, Field(gt=0, le=1), Role.LEARNING, Flag()] = None
    """KL divergence that an adaptive lr_schedule aims at; 0.008 when left out."""
    lr_adapt_per: Annotated[Literal["update", "minibatch"] | None, Role.LEARNING, Flag()] = None
    """When an adaptive lr_schedule changes the learning rate; update when left out."""
    min_learning_rate: Annotated[Bound | None, Role.LEARNING, Flag()] = None
    """Lower bound of a learning rate that changes; 1e-6 for an adaptive one when left out."""
    max_learning_rate: Annotated[Bound | None, Role.LEARNING, Flag()] = None
    """Upper bound of a learning rate that changes; 0.01 for an adaptive one when left out."""
    clip_range: Annotated[Rate, Role.LEARNING, Flag()] = 0.2
    """PPO clip range: limits how far one update changes an action's probability."""
    clip_range_vf: Annotated[Distance | None, Role.LEARNING, Flag()] = None
    """Clip range of the value function, in units of the return; values are not clipped when left out."""
    target_kl: Annotated[float | None, Field(gt=0, le=10), Role.LEARNING, Flag()] = None
    """End an update before the first minibatch whose KL divergence is above 1.5 times this."""
    bc_coef: Annotated[Coefficient, Role.LEARNING, Flag()] = 0.0
    """Coefficient of a loss that imitates the demonstrations of "init"; on a schedule it can fade."""
    vf_coef: Annotated[float, Field(ge=0, le=100), Role.LEARNING, Flag()] = 0.5
    """Coefficient of the value loss."""
    max_grad_norm: Annotated[float, Field(gt=0, le=1000), Role.LEARNING, Flag()] = 0.5
    """Maximum norm for gradient clipping."""
    truncate_grads: Annotated[bool, Role.LEARNING, Flag()] = True
    """Clip the gradient of a minibatch to max_grad_norm."""
    adam_eps: Annotated[float, Field(gt=0, le=1), Role.LEARNING, Flag()] = 1e-5
    """Term that Adam adds to the denominator."""
    weight_decay: Annotated[float, Field(ge=0, le=1), Role.LEARNING, Flag()] = 0.0
    """L2 penalty that Adam adds to the gradient, times the weights."""

    @model_validator(mode="after")
    def _one_entropy_schedule(self) -> Self:
        if self.ent_coef_final is not None and not isinstance(self.ent_coef, float):
            raise ValueError(
                f"ent_coef is already a schedule: ent_coef_final {self.ent_coef_final} must be left out"
            )
        return self

    @model_validator(mode="after")
    def _one_rate_schedule(self) -> Self:
        if self.lr_schedule is not None and not isinstance(self.learning_rate, float):
            raise ValueError(
                f"learning_rate is already a schedule: lr_schedule {self.lr_schedule} must be left out"
            )
        if self.lr_schedule == "exponential" and self.lr_end == 0:
            raise ValueError("lr_end 0 must be above 0 for lr_schedule exponential")
        low, high = self.rate_bounds()
        if low > high:
            raise ValueError(f"min_learning_rate {low} must be at most max_learning_rate {high}")
        if self.lr_schedule == "adaptive" and not low <= self._first_rate() <= high:
            raise ValueError(
                f"learning_rate {self._first_rate()} must be within min_learning_rate {low} and"
                f" max_learning_rate {high} for lr_schedule adaptive"
            )
        return self

    def rate_bounds(self) -> tuple[float, float]:
        """Return the bounds of the learning rate; 0 and 1 where nothing bounds it."""
        low, high = (MIN_RATE, MAX_RATE) if self.lr_schedule == "adaptive" else (0.0, 1.0)
        given = self.min_learning_rate, self.max_learning_rate
        return low if given[0] is None else given[0], high if given[1] is None else given[1]

    def adaptive_rate(self) -> AdaptiveRate | None:
        """Return the control of an adaptive learning rate, or None without one."""
        if self.lr_schedule != "adaptive":
            return None
        threshold = KL_THRESHOLD if self.kl_threshold is None else self.kl_threshold
        return AdaptiveRate(self._first_rate(), threshold, *self.rate_bounds(), self.lr_adapt_per or "update")

    @property
    def imitates(self) -> bool:
        """Whether the loss of updates has a part that imitates demonstrations."""
        return max(values_of(self.bc_coef)) > 0

    def adam_settings(self) -> dict[str, float]:
        """Return the keyword arguments of the optimizer."""
        return {"eps": self.adam_eps, "weight_decay": self.weight_decay}

    def scheduled(self, training_steps: int) -> dict[str, ScheduleFunction]:
        """Return the coefficients that can be scheduled, as functions of the step count of a run."""
        entropy = self.ent_coef
        if isinstance(entropy, float) and self.ent_coef_final is not None:
            entropy = Linear(kind="linear", start=entropy, end=self.ent_coef_final, share=self.ent_coef_share)
        parts: dict[str, float | BaseSchedule | None] = {
            "ent_coef": entropy,
            "learning_rate": self._rate_curve(),
            "clip_range": self.clip_range,
            "clip_range_vf": self.clip_range_vf,
            "gamma": self.gamma,
            "gae_lambda": self.gae_lambda,
            "bc_coef": self.bc_coef if self.imitates else None,
        }
        curves = {name: curve(part, training_steps) for name, part in parts.items() if part is not None}
        return {**curves, "learning_rate": bounded(curves["learning_rate"], *self.rate_bounds())}

    def _rate_curve(self) -> Schedule:
        if self.lr_schedule not in RAMPS:
            return self.learning_rate
        end = MIN_RATE if self.lr_end is None else self.lr_end
        ramp = {"kind": self.lr_schedule, "start": self._first_rate(), "end": end}
        return RAMPS[self.lr_schedule].model_validate(ramp)

    def _first_rate(self) -> float:
        assert isinstance(self.learning_rate, float)
        return self.learning_rate
