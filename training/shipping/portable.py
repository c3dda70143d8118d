"""Removes what holds only on one machine from the config and the facts of a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envs.errors import UserError
from envs.game_boy.rom import EMBEDDED
from training.config.schema import TrainConfig

ROOT = Path(__file__).resolve().parents[2]
OF_A_MACHINE = ("sweep", "sweep_config", "workers", "ray_address", "device", "mlflow", "wandb")
OF_CLONING = ("init", "bc_coef")
"""Settings that a policy ships without, so that their defaults apply: of a machine, and of demonstrations,
which the provenance tells about."""
ABSOLUTE = re.compile(r"(?<![\w.:/])/(?:[^\s/]+/)+(?=[^\s/])")
"""The folders of an absolute path inside a text."""


def portable_config(config: TrainConfig, run: str) -> dict[str, Any]:
    """Return the config of ``run`` as JSON values that hold on any machine.

    Raises UserError if the run plays another cartridge than the embedded one, or a setting is a path.
    """
    if config.rom != EMBEDDED:
        raise UserError(f"run {run} plays {config.rom}: only policies for the embedded cartridge ship")
    values = config.model_dump(mode="json")
    defaults = TrainConfig().model_dump(mode="json")
    left_out = {*OF_A_MACHINE, *OF_CLONING, *(["total_steps"] if config.total_steps == 0 else [])}
    plain = {key: defaults[key] if key in left_out else value for key, value in values.items()}
    for key, text in _texts(plain):
        if Path(text).is_absolute():
            raise UserError(f"run {run}: {key} names {text}, which is a file of this machine and cannot ship")
    return plain


def _texts(values: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string in nested ``values``, keys among them, with the key that holds it."""
    for key, value in values.items():
        where = place or key
        yield where, key
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, Mapping):
                yield from _texts(part, f"{place}.{key}".strip("."))
            elif isinstance(part, str):
                yield where, part


def portable(value: Any) -> Any:
    """Return JSON values with every absolute path relative to this checkout, or shortened to its name."""
    if isinstance(value, str):
        return ABSOLUTE.sub("", value.replace(f"{ROOT}/", ""))
    if isinstance(value, Mapping):
        return {key: portable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [portable(part) for part in value]
    return value
