"""The config section "layers": weights of the reward layers and their schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from training.config.schedules import KINDS, Schedule, value_at, within

FADE_OUT = "fade_out"
FADE_DEFAULTS: dict[str, Any] = {"start": 1.0, "after": None, "by": 1.0}
FADE_KEYS = ("kind", *FADE_DEFAULTS)
MAX_WEIGHT = 1000.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _without_lists(value: Any) -> Any:
    """Return JSON with tuples for lists: pydantic validates a validator's result as Python, not as JSON."""
    if isinstance(value, dict):
        return {key: _without_lists(own) for key, own in value.items()}
    return tuple(map(_without_lists, value)) if isinstance(value, list) else value


def _written_out(value: Any) -> Any:
    """Convert ``{"kind": "fade_out", "after": 0.5}`` to a piecewise schedule.

    The weight is ``start`` (1) until the share ``after`` of training, then falls linearly to 0 at the share
    ``by`` (1).
    """
    if not isinstance(value, dict):
        return value
    kinds = (*KINDS, FADE_OUT)
    if value.get("kind") not in kinds:
        raise ValueError(f'a layer must be a number, or an object whose "kind" is one of {", ".join(kinds)}')
    if value["kind"] != FADE_OUT:
        return _without_lists(value)
    for key in value:
        if key not in FADE_KEYS:
            raise ValueError(f"{key} is not a key of a fade_out; known: {', '.join(FADE_KEYS)}")
    start, after, by = (value.get(key, usual) for key, usual in FADE_DEFAULTS.items())
    if not all(map(_is_number, (start, after, by))) or not 0 <= after <= by <= 1:
        raise ValueError(
            f"a fade_out after {after!r} by {by!r} from {start!r}: all must be numbers, 0 <= after <= by <= 1"
        )
    return {"kind": "piecewise", "points": ((0.0, start), (after, start), (by, 0.0), (1.0, 0.0))}


Weight = Annotated[Schedule, BeforeValidator(_written_out), within(0, MAX_WEIGHT)]


class LayersConfig(BaseModel):
    """A weight for each layer, which multiplies the coefficients of all its terms.

    A weight is a number, a schedule, or a fade_out, see docs/rewards.md.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    dense: Weight = 1.0
    """Weight of the terms that pay about every step."""
    sparse: Weight = 1.0
    """Weight of the terms that pay about every 500 steps."""
    very_sparse: Weight = 1.0
    """Weight of the terms that pay about every 10,000 steps."""

    def at(self, steps: int, total_steps: int) -> dict[str, float]:
        """Return layer -> weight after ``steps`` of ``total_steps`` environment steps."""
        return {name: value_at(getattr(self, name), steps, total_steps) for name in type(self).model_fields}

    def curve(self, total_steps: int) -> Callable[[int], dict[str, float]]:
        """Return the weights as a function of the step count."""
        return lambda steps: self.at(steps, max(total_steps, 1))
