"""Discount factors in configs: a number, a schedule, or one that is learned during training.

``{"kind": "learned", "start": 0.99, "low": 0.9, "high": 0.999}`` begins at ``start`` and stays between the
bounds. ``reference`` (``start`` when left out) is the value by which learned ones are judged, see
training.ppo.learned_discounts.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from training.config.schedules import (
    KINDS,
    BaseSchedule,
    Cosine,
    Exponential,
    Linear,
    Piecewise,
    schedule_tag,
)

LEARNED = "learned"


class Learned(BaseSchedule):
    """A number between ``low`` and ``high`` that a meta-gradient moves, ``rate`` at most in its logit."""

    kind: Literal["learned"]
    start: float
    low: float
    high: float
    rate: Annotated[float, Field(gt=0, le=1)] = 0.01
    reference: Annotated[float | None, Field(gt=0, le=1)] = None

    @model_validator(mode="after")
    def _start_between(self) -> Self:
        if not self.low < self.start < self.high:
            raise ValueError(f"start {self.start} must be between low {self.low} and high {self.high}")
        return self

    def values(self) -> tuple[float, ...]:
        return (self.low, self.high)

    def at(self, steps: int, total_steps: int) -> float:
        return self.start


def _tag(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return LEARNED if kind == LEARNED else schedule_tag(value)


DiscountSetting = Annotated[
    Annotated[float, Tag("number")]
    | Annotated[Linear, Tag("linear")]
    | Annotated[Cosine, Tag("cosine")]
    | Annotated[Exponential, Tag("exponential")]
    | Annotated[Piecewise, Tag("piecewise")]
    | Annotated[Learned, Tag("learned")],
    Discriminator(
        _tag,
        custom_error_type="discount_kind",
        custom_error_message="neither a number nor an object of a known kind",
    ),
]
"""Type of a config field that takes a number, a schedule or a learned number."""
DISCOUNT_KINDS: dict[str, type[BaseSchedule]] = {**KINDS, LEARNED: Learned}
