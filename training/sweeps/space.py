"""Search space files: the settings to vary, their ranges and the base config."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Set
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from envs.paths import expanded
from training.config.error_lines import describe
from training.config.files import ConfigError, ConfigLayer, read_object, refuse_other_kind, unknown_name
from training.config.loading import load_config
from training.config.presets import largest_divisor
from training.config.schema import MAX_SEED, TrainConfig
from training.environments.task import resolve_task

Number = int | float
STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
Figure = Literal["return_mean", "battles_won_mean", "badges_earned_mean", "map_progress_mean"]


class Range(BaseModel):
    """Values of a setting: ``low`` to ``high`` (integers if both are integers), or one of ``choices``."""

    model_config = STRICT

    low: Number | None = None
    high: Number | None = None
    log: bool = False
    choices: Annotated[tuple[Any, ...], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.choices is None) == (self.low is None or self.high is None):
            raise ValueError("a setting of the space needs low and high, or choices")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low {self.low} must be below high {self.high}")
        if self.log and (self.low is None or self.low <= 0):
            raise ValueError("log needs a low above 0")
        return self


class Space(BaseModel):
    """A search. ``base`` is relative to the file; ``space`` maps (dotted) config keys to ranges."""

    model_config = STRICT

    base: str
    description: str = ""
    objective: Figure = "return_mean"
    episodes: Annotated[int, Field(ge=1, le=100_000)] = 100
    evaluations: Annotated[int, Field(ge=1, le=100)] = 4
    eval_episodes: Annotated[int, Field(ge=1, le=1000)] = 8
    seed: Annotated[int, Field(ge=0, le=MAX_SEED - 100_000)] = 0
    space: Annotated[dict[str, Range], Field(min_length=1)]


def base_path(space: Space, path: Path) -> Path:
    """Return the path of the base config of the search in ``path``. Raises UserError."""
    return path.parent / expanded(space.base, f"{path}: base")


def load_space(path: Path) -> tuple[Space, TrainConfig]:
    """Load the search in ``path`` and its base config.

    Raises:
        UserError: either file is wrong, an end of a range or a choice is invalid, or the base config's ROM,
            start state or goal cannot be used; one line.
    """
    layer = ConfigLayer(str(path), read_object(path))
    if "space" not in layer.values:
        _refuse_config(path, layer.values.keys())
    for key in layer.values:
        if key not in Space.model_fields:
            raise ConfigError(unknown_name(key, Space.model_fields, f"a key of {path}"))
    try:
        space = Space.model_validate_json(json.dumps(layer.values))
    except ValidationError as error:
        lines = [_line(path, detail, layer) for detail in error.errors(include_url=False)]
        raise ConfigError("; ".join(dict.fromkeys(lines))) from None
    for key in space.space:
        if key.split(".")[0] not in TrainConfig.model_fields:
            raise ConfigError(unknown_name(key, TrainConfig.model_fields, f"a setting that {path} can vary"))
    base = load_config(base_path(space, path))
    resolve_task(base)
    _check_ends(space, path)
    return space, base


def _refuse_config(path: Path, keys: Set[str]) -> None:
    if "stages" in keys:
        refuse_other_kind(path, "search space", "curriculum")
    if keys & {*TrainConfig.model_fields, "extends"} - Space.model_fields.keys():
        refuse_other_kind(path, "search space", "config of a run")


def _check_ends(space: Space, path: Path) -> None:
    for key, spread in space.space.items():
        for value in spread.choices or (spread.low, spread.high):
            try:
                trial_config(space, path, {key: value}, space.seed)
            except ConfigError as error:
                raise ConfigError(f"{path}: space.{key}: {str(error).removeprefix('--')}") from None


def _line(path: Path, detail: Any, layer: ConfigLayer) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    error = detail.get("ctx", {}).get("error")
    return f"{path}: {place}: {error}" if error else describe(detail, [layer], defaultdict(lambda: Range))


def nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Turn dotted keys into nested sections.

    >>> nested({"gamma": 0.9, "rewards.battle_win": 2.0})
    {'gamma': 0.9, 'rewards': {'battle_win': 2.0}}
    """
    made: dict[str, Any] = {}
    for key, value in settings.items():
        *sections, last = key.split(".")
        place = made
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return made


def trial_config(space: Space, path: Path, settings: dict[str, Any], seed: int) -> TrainConfig:
    """Return the config of one trial: the base with ``settings`` and the search's trial length.

    Raises:
        ConfigError: the settings contradict each other.
    """
    base = base_path(space, path)
    values = nested(settings)
    plain = load_config(base, {**values, "batch_size": 1}, draft=True)
    wanted = values.get("batch_size", load_config(base).batch_size)
    total = space.episodes * plain.max_steps
    every = max(plain.rollout_steps, total // space.evaluations)
    return load_config(base, {
        **values,
        "batch_size": largest_divisor(plain.rollout_steps, wanted),
        "seed": seed,
        "total_steps": total,
        "eval_every_steps": every,
        "eval_episodes": space.eval_episodes,
        "save_interval": every,
    })  # fmt: skip
