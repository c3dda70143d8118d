"""What the "rewards" of a config come to on top of what it extends."""

from __future__ import annotations

from typing import Any

from envs.errors import known
from training.config.files import ConfigError, ConfigLayer


def merged_rewards(layer: ConfigLayer, below: Any, *, extends: bool) -> dict[str, Any]:
    """The coefficients after ``layer``, which has "rewards".

    ``below`` is what the layers under it came to, None where they name no rewards: then they pay the
    defaults, if there are such layers (``extends``). A coefficient that is None is removed: a weight becomes
    0, a count of steps its default. Raises ConfigError for one that nothing below pays, or nobody knows.
    """
    from rewards.coefficients import DEFAULT_COEFFICIENTS, PARAMETERS  # here: --help need not import them

    own = layer.values["rewards"]
    under = (
        dict(below) if isinstance(below, dict) and below else dict(DEFAULT_COEFFICIENTS) if extends else {}
    )
    merged = {**under, **own}
    for name in [name for name, value in own.items() if value is None]:
        _check_removal(layer, name, under)
        merged[name] = DEFAULT_COEFFICIENTS[name] if name in PARAMETERS else 0.0
    return merged if own or below is not None else {}


def _check_removal(layer: ConfigLayer, name: str, under: dict[str, Any]) -> None:
    from rewards.coefficients import DEFAULT_COEFFICIENTS

    if name not in DEFAULT_COEFFICIENTS:
        hint = known(name, DEFAULT_COEFFICIENTS)
        raise ConfigError(f'{layer.where("rewards")}: unknown reward coefficient "{name}"; {hint}')
    if not under.get(name):
        raise ConfigError(
            f"{layer.where('rewards')}: {name} null removes nothing: it is not paid without it; leave it out"
        )
