"""Reward coefficients: names, defaults and ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping

from envs.errors import UserError, known
from rewards.base import LAYERS, Layer

# Used when a config has no rewards.
DEFAULT_COEFFICIENTS: dict[str, float] = {
    "exploration_new_tile": 0.05,
    "exploration_forward_tile": 0.0,
    "exploration_recent_tile": 0.0,
    "exploration_recent_window": 256,
    "penalty_step": -0.001,
    "penalty_wall": 0.0,
    "penalty_stuck": 0.0,
    "stuck_after": 512,
    "battle_start_bonus": 10.0,
    "battle_hp_delta": 5.0,
    "battle_win": 50.0,
    "battle_loss": -5.0,
    "milestone_badge": 500.0,
    "milestone_level_up": 20.0,
    "milestone_key_location": 50.0,
    "milestone_event": 5.0,
    "milestone_goal": 0.0,
    "battle_weak_decay": 0.0,
}
WEAK_DECAY = "battle_weak_decay"  # a share from 0 (off) to 1, not a term
DECAYING = ("battle_start_bonus", "battle_hp_delta", "battle_win")
# Numbers of steps, not weights: if left out, they keep their defaults.
PARAMETERS = ("exploration_recent_window", "stuck_after")
MAX_PARAMETER = 1_000_000
MAX_COEFFICIENT = 1e6


def shortened(value: object) -> str:
    """Return ``repr(value)``, truncated if long, as for a number with hundreds of digits."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:20]}... ({len(text)} characters)"


def check_coefficients(coefficients: Mapping[str, float]) -> dict[str, float]:
    """Return all coefficients: those given, 0 for the others, defaults for missing numbers of steps.

    Raises UserError for an unknown name, a number that is not finite or beyond 1e6, a penalty or loss above
    0, a bonus below 0, a number of steps that is not a whole number from 1 to 1,000,000, and a
    battle_weak_decay above 1 or without effect.
    """
    full = {k: v if k in PARAMETERS else 0.0 for k, v in DEFAULT_COEFFICIENTS.items()}
    for name, value in coefficients.items():
        if name not in full:
            raise UserError(f'unknown reward coefficient "{name}"; {known(name, full)}')
        _check_value(name, value)
        full[name] = float(value)
    if full[WEAK_DECAY] and not any(full[name] for name in DECAYING):
        raise UserError(
            f"{WEAK_DECAY} is {full[WEAK_DECAY]!r}: it has no effect while {', '.join(DECAYING)} are all 0"
        )
    return full


def _check_value(name: str, value: float) -> None:
    # Compared first: math functions raise OverflowError for integers beyond the largest float.
    if not isinstance(value, int | float) or not abs(value) <= MAX_COEFFICIENT:
        raise UserError(
            f"{name} is {shortened(value)}: it must be a number between"
            f" -{MAX_COEFFICIENT:g} and {MAX_COEFFICIENT:g}"
        )
    if name in PARAMETERS:
        if value != int(value) or not 1 <= value <= MAX_PARAMETER:
            raise UserError(
                f"{name} is {value!r}: it must be a whole number of steps from 1 to {MAX_PARAMETER}"
            )
    elif name.startswith("penalty_") or name == "battle_loss":
        if value > 0:
            raise UserError(f"{name} is {value!r}: it must be 0 or below")
    elif value < 0:
        raise UserError(f"{name} is {value!r}: it must be 0 or above")
    elif name == WEAK_DECAY and value > 1:
        raise UserError(f"{name} is {value!r}: it must be a number from 0 to 1")


def check_layer_weights(weights: Mapping[str, float]) -> dict[Layer, float]:
    """Return the weight of each layer, 1 if missing.

    Raises UserError for an unknown layer or a weight below 0.
    """
    full: dict[Layer, float] = dict.fromkeys(LAYERS, 1.0)
    for name, value in weights.items():
        layer = next((own for own in LAYERS if own == name), None)
        if layer is None:
            raise UserError(f'unknown reward layer "{name}"; {known(name, LAYERS)}')
        if not math.isfinite(value) or value < 0:
            raise UserError(f"weight of layer {name} is {value!r}: it must be a number of 0 or above")
        full[layer] = float(value)
    return full
