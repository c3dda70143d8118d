"""Curriculum files: ordered stages, each with a config, a budget and a criterion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from envs.errors import UserError
from envs.paths import expanded
from training.config.error_lines import describe
from training.config.files import ConfigError, ConfigLayer, read_object, refuse_other_kind, unknown_name
from training.config.loading import load_config
from training.config.roles import POLICY
from training.config.schema import TrainConfig
from training.evaluation.episode_statistics import MEANS, Summary

REACH = "reach:"  # followed by the name of a milestone
SUCCESS = "success_rate"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Criterion(_Part):
    """When a stage passes: the lower end of the 95 % interval of ``metric`` is at least ``at_least``.

    The interval is over ``episodes`` episodes on each of ``seeds`` held-out seeds, as one sample.
    """

    metric: str
    at_least: float
    episodes: Annotated[int, Field(ge=1, le=10_000)] = 20
    seeds: Annotated[int, Field(ge=1, le=100)] = 1

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, metric: str) -> str:
        if metric not in (*MEANS, SUCCESS) and not metric.startswith(REACH):
            raise ValueError(unknown_name(metric, [*MEANS, SUCCESS, f"{REACH}MILESTONE"], "a metric"))
        return metric

    @model_validator(mode="after")
    def _interval_is_possible(self) -> Criterion:
        if self.metric in MEANS and self.episodes * self.seeds < 2:
            raise ValueError(f"{self.metric} of one episode has no interval; episodes must be at least 2")
        return self

    def figures(self, summary: Summary) -> tuple[float, float | None, float | None]:
        """Return the metric's value and the ends of its 95 % interval, None if all episodes are repeats of
        one."""
        if self.metric == SUCCESS:
            return summary[SUCCESS], summary["success_low"], summary["success_high"]
        if self.metric.startswith(REACH):
            found = summary["milestones"][self.metric.removeprefix(REACH)]
            return found["rate"], found["low"], found["high"]
        return summary[f"{self.metric}_mean"], summary[f"{self.metric}_low"], summary[f"{self.metric}_high"]

    def holds(self, summary: Summary) -> bool:
        """Whether the stage passes by this evaluation; a few lucky episodes are not enough."""
        low = self.figures(summary)[1]
        return low is not None and low >= self.at_least


class Stage(_Part):
    """One stage: its config, its budget and its criterion.

    The criterion is checked every ``check_every`` steps and after ``steps``, the budget. If it does not hold
    then, the curriculum stops, or with "go on" continues with the next stage.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]
    config: Annotated[str, Field(min_length=1)]
    overrides: dict[str, Any] = {}
    steps: Annotated[int, Field(ge=1, le=10**12)]
    check_every: Annotated[int, Field(ge=1, le=10**12)]
    move_on: Criterion
    when_budget_ends: Literal["stop", "go on"] = "stop"


class Curriculum(_Part):
    """The stages, in order."""

    description: str = ""
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=100)]

    @field_validator("stages")
    @classmethod
    def _own_names(cls, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
        names = [stage.name for stage in stages]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two stages are called {twice}")
        return stages


def read_curriculum(path: Path) -> Curriculum:
    """Read the curriculum in ``path``. Raises ConfigError with one line that names every problem."""
    raw = read_object(path)
    if "stages" not in raw:
        _refuse_config(path, raw)
    try:
        return Curriculum.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        layers = [ConfigLayer(str(path), raw)]
        lines = [_line(detail, layers, path) for detail in error.errors(include_url=False)]
        raise ConfigError("; ".join(dict.fromkeys(lines))) from None


def _refuse_config(path: Path, values: Mapping[str, Any]) -> None:
    if "space" in values:
        refuse_other_kind(path, "curriculum", "search space")
    if values.keys() & {*TrainConfig.model_fields, "extends"} - Curriculum.model_fields.keys():
        refuse_other_kind(path, "curriculum", "config of a run")


def _line(detail: Mapping[str, Any], layers: list[ConfigLayer], path: Path) -> str:
    if detail["type"] == "extra_forbidden":
        *place, key = (str(part) for part in detail["loc"])
        part: type[_Part] = Criterion if "move_on" in place else Stage if place else Curriculum
        holder = f"{path}: {'.'.join(place)}" if place else str(path)
        return unknown_name(key, part.model_fields, f"a key of {holder}")
    return describe(detail, layers, {})


def stage_configs(
    path: Path, curriculum: Curriculum, overrides: Mapping[str, Any] | None = None
) -> list[TrainConfig]:
    """Return each stage's config with its budget; ``overrides`` take precedence over the stages'.

    Raises:
        ConfigError: a config is wrong, or a stage's weights would not fit the next stage.
    """
    configs = []
    for stage in curriculum.stages:
        settings = {**stage.overrides, **(overrides or {}), "total_steps": stage.steps}
        try:
            configs.append(load_config(path.parent / expanded(stage.config), settings))
        except UserError as error:
            raise ConfigError(f"{path}: stage {stage.name}: {error}") from None
    for before, stage, config in zip(configs, curriculum.stages[1:], configs[1:], strict=False):
        for key in TrainConfig.keys_with(*POLICY):
            if getattr(config, key) != getattr(before, key):
                raise ConfigError(
                    f"{path}: stage {stage.name}: {key} differs from the previous stage, whose weights"
                    " would not fit"
                )
    return configs
