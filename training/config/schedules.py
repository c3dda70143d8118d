"""Schedules: a number, or a JSON object that describes how a value changes during training.

``{"kind": "linear", "start": 0.02, "end": 0.005, "share": 0.5}`` goes from start to end over the first half
of training and then stays at end. "cosine" and "exponential" take the same keys. ``"steps": N`` instead of
"share" counts environment steps; with neither, the schedule spans all of training.
``{"kind": "piecewise", "points": [[0, 0.02], [0.5, 0.01], [1, 0.005]]}`` is linear between points. Positions
are shares of training when the last is at most 1, and whole steps otherwise. Two points at one position are a
jump.

A value depends only on the step count, so a resumed run follows the same curve. Callbacks do not import this
module: they receive functions of the step count made by ``curve``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

ScheduleFunction = Callable[[int], float]
"""A value as a function of the environment steps taken."""

Steps = Annotated[int, Field(ge=1, le=10**13)]
Points = Annotated[tuple[tuple[float, float], ...], Field(min_length=2, max_length=100)]
NUMBER = "number"


class BaseSchedule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def values(self) -> tuple[float, ...]:
        """Return values that bound the schedule."""
        raise NotImplementedError

    def at(self, steps: int, total_steps: int) -> float:
        """Return the value after ``steps`` of ``total_steps`` environment steps."""
        raise NotImplementedError


class _Ramp(BaseSchedule):
    """From ``start`` to ``end`` over a share of training or a number of steps, then ``end``."""

    start: float
    end: float
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    steps: Steps | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if self.share is not None and self.steps is not None:
            raise ValueError("share and steps cannot be given together")
        return self

    def values(self) -> tuple[float, ...]:
        return (self.start, self.end)

    def at(self, steps: int, total_steps: int) -> float:
        length = self.steps or (1.0 if self.share is None else self.share) * total_steps
        if steps >= length:
            return self.end
        return self.start if steps <= 0 else self.between(steps / length)

    def between(self, progress: float) -> float:
        """Return the value at the fraction ``progress`` (0 to 1) of the ramp."""
        raise NotImplementedError


class Linear(_Ramp):
    """A straight line."""

    kind: Literal["linear"]

    def between(self, progress: float) -> float:
        return self.start + (self.end - self.start) * progress


class Cosine(_Ramp):
    """Half a cosine wave: slow at both ends."""

    kind: Literal["cosine"]

    def between(self, progress: float) -> float:
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * progress)) / 2


class Exponential(_Ramp):
    """The same factor at every step; both ends must be above 0."""

    kind: Literal["exponential"]

    @model_validator(mode="after")
    def _above_zero(self) -> Self:
        if min(self.start, self.end) <= 0:
            raise ValueError(f"start {self.start} and end {self.end} must both be above 0")
        return self

    def between(self, progress: float) -> float:
        low, high = sorted(self.values())
        return min(max(self.start * math.pow(self.end / self.start, progress), low), high)


class Piecewise(BaseSchedule):
    """Straight lines between points; constant before the first and after the last."""

    kind: Literal["piecewise"]
    points: Points

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        positions = [position for position, _ in self.points]
        if positions[0] < 0 or positions != sorted(positions):
            raise ValueError(f"the positions of points {positions} must start at 0 or more and not decrease")
        broken = [p for p in positions if positions[-1] > 1 and p != int(p)]
        if broken:
            raise ValueError(
                f"the position {broken[0]} of points must be a whole number of steps: the last,"
                f" {positions[-1]}, is above 1, so positions are steps, not shares of training"
            )
        return self

    def values(self) -> tuple[float, ...]:
        return tuple(value for _, value in self.points)

    def at(self, steps: int, total_steps: int) -> float:
        here = steps / total_steps if self.points[-1][0] <= 1 else steps
        if here < self.points[0][0]:
            return self.points[0][1]
        before, value = self.points[0]
        for position, following in self.points[1:]:
            if here < position:
                return value + (following - value) * (here - before) / (position - before)
            before, value = position, following
        return value


RAMPS: dict[str, type[Linear] | type[Cosine] | type[Exponential]] = {
    "linear": Linear,
    "cosine": Cosine,
    "exponential": Exponential,
}
KINDS: dict[str, type[BaseSchedule]] = {**RAMPS, "piecewise": Piecewise}


def schedule_tag(value: Any) -> str | None:
    """Return the kind of a setting's value, NUMBER for a plain one, or None for an unknown kind."""
    if isinstance(value, dict):
        kind = value.get("kind")
        return kind if isinstance(kind, str) and kind in KINDS else None
    return str(getattr(value, "kind", NUMBER))


Schedule = Annotated[
    Annotated[float, Tag(NUMBER)]
    | Annotated[Linear, Tag("linear")]
    | Annotated[Cosine, Tag("cosine")]
    | Annotated[Exponential, Tag("exponential")]
    | Annotated[Piecewise, Tag("piecewise")],
    Discriminator(
        schedule_tag,
        custom_error_type="schedule_kind",
        custom_error_message="neither a number nor an object of a known kind",
    ),
]
"""Type of a config field that takes a number or a schedule; ``within`` limits the values."""


def values_of(schedule: float | BaseSchedule) -> tuple[float, ...]:
    """Return values that bound ``schedule``."""
    return schedule.values() if isinstance(schedule, BaseSchedule) else (schedule,)


def value_at(schedule: float | BaseSchedule, steps: int, total_steps: int) -> float:
    """Return the value of ``schedule`` after ``steps`` of ``total_steps`` (at least 1) environment steps."""
    return schedule.at(steps, total_steps) if isinstance(schedule, BaseSchedule) else schedule


def curve(schedule: float | BaseSchedule, total_steps: int) -> ScheduleFunction:
    """Return ``schedule`` as a function of the step count."""
    return lambda steps: value_at(schedule, steps, max(total_steps, 1))


def bounded(function: ScheduleFunction, low: float, high: float) -> ScheduleFunction:
    """Return ``function`` with its values limited to ``low`` and ``high``."""
    return lambda steps: min(max(function(steps), low), high)


@dataclass(frozen=True)
class Within:
    """Validator for ``Annotated[Schedule, within(...)]``: its values are from ``low`` to ``high``.

    With ``above`` they are above ``low``. The bounds are part of the JSON schema of the field.
    """

    low: float
    high: float
    above: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        lower = "exclusiveMinimum" if self.above else "minimum"
        return {**handler(schema), lower: self.low, "maximum": self.high}

    def _check(self, schedule: Schedule) -> Schedule:
        values = values_of(schedule)
        if self.above and min(values) <= self.low:
            raise PydanticKnownError("greater_than", {"gt": self.low})
        if min(values) < self.low:
            raise PydanticKnownError("greater_than_equal", {"ge": self.low})
        if max(values) > self.high:
            raise PydanticKnownError("less_than_equal", {"le": self.high})
        return schedule


within = Within
