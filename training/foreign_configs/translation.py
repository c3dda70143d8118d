"""What a translated config consists of, and the steps that all translations share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from envs.errors import UserError
from training.config.schema import TrainConfig
from training.config.sections.network import NetworkConfig

EVALUATE_EVERY = 50
"""Updates between evaluations, for a config that judges by the score but does not say when."""
LARGEST = 10**13


@dataclass
class Translation:
    """Settings of ours, and by name what has no counterpart here and why."""

    source: str
    settings: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def put(self, name: str, key: str, value: Any) -> None:
        """Set ``key`` (with a dot for a key of "network") from ``name``, if this version has such a key."""
        section, _, inner = key.rpartition(".")
        fields = NetworkConfig.model_fields if section else TrainConfig.model_fields
        if (inner if section else key) not in fields:
            self.left_out[name] = f"this version has no {key}"
        elif section:
            self.settings.setdefault(section, {})[inner] = value
        else:
            self.settings[key] = value

    def take(self, given: Mapping[str, Any], names: Mapping[str, str], prefix: str = "") -> None:
        """Set every key that ``names`` maps a name in ``given`` to."""
        for name, key in names.items():
            if name in given:
                self.put(prefix + name, key, given[name])

    def explain(
        self, given: Mapping[str, Any], known: set[str], why: Mapping[str, str], prefix: str = ""
    ) -> None:
        """List everything in ``given`` that is not ``known``, with the reason in ``why``."""
        for name in given:
            if name not in known:
                self.left_out[prefix + name] = why.get(name, "it has no counterpart here")

    def evaluate(self) -> None:
        """Add evaluations if a setting needs them that is judged by the score."""
        judged = sorted(self.settings.keys() & {"score_to_win", "save_best_after"})
        if judged:
            every = EVALUATE_EVERY * self.settings["n_steps"] * self.settings["num_envs"]
            self.settings["eval_every_steps"] = every
            names = " and ".join(judged)
            self.notes.append(f"{names}: judged on held-out seeds, every {every} steps (eval_every_steps)")


def number(given: Mapping[str, Any], name: str) -> float:
    """Return a number of ``given``. Raises UserError when it is missing or something else."""
    value = given.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UserError(f"{name} {value!r} must be a number")
    return value


def whole(given: Mapping[str, Any], name: str) -> int:
    """Return a whole number of ``given``, also one written as 1e6. Raises UserError for anything else."""
    value = number(given, name)
    if value != value // 1 or abs(value) > LARGEST:
        raise UserError(f"{name} {value!r} must be a whole number")
    return int(value)


def truth(given: Mapping[str, Any], name: str) -> bool:
    """Return a switch of ``given``. Raises UserError when it is missing or something else."""
    value = given.get(name)
    if not isinstance(value, bool):
        raise UserError(f"{name} {value!r} must be true or false")
    return value
