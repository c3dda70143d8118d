"""What a training run is made of: every setting with its kind, its range and its default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from training.config.files import unknown_name
from training.config.health import HealthConfig
from training.config.presets import divisors_near
from training.config.reward_layers import LayersConfig
from training.config.schedules import Linear, Schedule, ScheduleFunction, curve, within

MAX_SEED = 2**31 - 1  # evaluation takes its seeds from 2**31 on, so that the two never meet
OBSERVATION_NAMES = ("screen", "visited", "party", "battle", "badges", "events", "facing", "recent_actions")

# What may differ when a run goes on: the same steps are learned from, with the same results.
IDENTITY = (
    "algorithm", "agent_id", "name", "version", "sweep_variant", "sweep", "sweep_config", "tags",
    "description",
)  # fmt: skip
FARM_ALARM = ("farm_alarm_share", "farm_alarm_episodes")
NO_MATTER = (
    *IDENTITY,
    "workers",
    "step_timeout",
    "ray",
    "record_every",
    "episodes_mb",
    "mlflow",
    "wandb",
    *FARM_ALARM,
)

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Width = Annotated[int, Field(ge=1, le=4096)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Share = Annotated[float, Field(gt=0, le=1)]
Coefficient = Annotated[Schedule, within(0, 10)]
Rate = Annotated[Schedule, within(0, 1, above=True)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]


def _default_rewards() -> dict[str, float]:
    from rewards.stack import DEFAULT_COEFFICIENTS  # here, so that --help need not import numpy

    return dict(DEFAULT_COEFFICIENTS)


class NetworkConfig(BaseModel):
    """The policy's network: sizes in units (outputs of a layer), and what sees the two pictures."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    picture: Width = 256
    visited: Width = 64
    events: Width = 32
    numbers: Width = 64
    hidden: Annotated[tuple[Width, ...], Field(max_length=8)] = (128,)
    cnn: Literal["tiles", "nature"] = "tiles"  # layers that fit the game's tiles, or NatureCNN


class RayConfig(BaseModel):
    """How environments on a Ray cluster are looked after; see docs/ray.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    processors: Annotated[int, Field(ge=1, le=1024)] = 1  # of an actor, and its worker processes
    compress: bool = False  # results: a fourteenth of the bytes for a tenth more of the workers' time
    answer_timeout: Annotated[float, Field(ge=1, le=3600)] = 15.0  # an actor that owes an answer is lost
    start_timeout: Seconds = 60.0  # until one that was asked for and is not there is asked for elsewhere
    lost_timeout: Annotated[float, Field(gt=0, le=1_000_000)] = 600.0  # with all lost, until the run ends
    retry_every: Seconds = 2.0  # between two looks for a place
    late_factor: Annotated[float, Field(gt=1, le=1000)] | None = 1.5  # None: rollouts wait for everybody


class TrainConfig(BaseModel):
    """Everything that decides what a run learns. Unknown keys are refused; every field has its range.

    "rewards" of a file that extends nothing are all there are (a coefficient left out is 0); none given: the
    defaults. What is extended is merged before, see training.config.reward_merging.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    # what it is called, where runs are listed and compared
    algorithm: Literal["PPO"] = "PPO"
    agent_id: Slug | None = None
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    version: Annotated[int, Field(ge=1, le=10_000)] | None = None
    sweep_variant: Slug | None = None
    sweep: Annotated[str, Field(min_length=1, max_length=100)] | None = None  # set by run_sweep.py
    sweep_config: Annotated[str, Field(min_length=1, max_length=4096)] | None = None  # the variant's file
    tags: Annotated[tuple[Slug, ...], Field(max_length=20)] = ()
    description: str = ""
    preset: Literal["small", "medium", "large"] | None = None

    # the game
    rom: Annotated[str, Field(min_length=1)] | None = None  # load_config fills it in
    game: Literal["clover", "red", "blue"] | None = None  # what an unknown ROM is
    start: Annotated[str, Field(min_length=1)] | None = None  # None: the game's own default
    fast_text: bool = False
    repel: bool = False
    goal: Annotated[str, Field(min_length=1)] | None = None
    max_steps: Annotated[int, Field(ge=1, le=10_000_000)] = 4096
    action_frames: Annotated[int, Field(ge=2, le=600)] = 24
    held_frames: Annotated[int, Field(ge=1, le=600)] = 8
    sound: bool = False
    observations: Annotated[tuple[str, ...], Field(min_length=1)] = OBSERVATION_NAMES
    rewards: dict[str, float] = Field(default_factory=lambda: _default_rewards())
    reward_terms: dict[str, float] = Field(default_factory=dict)  # FILE.py:CLASS or MODULE:CLASS
    layers: LayersConfig = LayersConfig()

    # how much, and on what
    num_envs: Annotated[int, Field(ge=1, le=1024)] = 16
    workers: Annotated[int, Field(ge=1, le=1024)] | None = None
    step_timeout: Annotated[float, Field(gt=0, le=3600)] = 4.0
    ray_address: Annotated[str, Field(min_length=1)] | None = None  # given: the games run on a Ray cluster
    envs_per_actor: Annotated[int, Field(ge=1, le=1024)] = 16
    ray: RayConfig = RayConfig()
    total_multiplier: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    total_steps: Annotated[int, Field(ge=1, le=10**13)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d{1,2})?)$")] = "auto"
    torch_deterministic: bool = False
    bfloat16: bool = False

    # PPO
    n_steps: Annotated[int, Field(ge=1, le=1_000_000)] = 512
    batch_size: Annotated[int, Field(ge=1, le=100_000_000)] = 512
    n_epochs: Annotated[int, Field(ge=1, le=1000)] = 1
    gamma: Share = 0.997
    gae_lambda: Annotated[float, Field(ge=0, le=1)] = 0.95
    ent_coef: Coefficient = 0.01
    ent_coef_final: Annotated[float, Field(ge=0, le=10)] | None = None
    ent_coef_share: Share = 1.0
    learning_rate: Rate = 3e-4
    clip_range: Rate = 0.2
    vf_coef: Annotated[float, Field(ge=0, le=100)] = 0.5
    max_grad_norm: Annotated[float, Field(gt=0, le=1000)] = 0.5
    network: NetworkConfig = NetworkConfig()
    health: HealthConfig = HealthConfig()

    # what is kept and measured on the way
    save_interval: Count = 100_000
    keep_checkpoints: Annotated[int, Field(ge=1, le=10_000)] = 5
    eval_every_steps: Annotated[int, Field(ge=0, le=10**12)] = 0
    eval_episodes: Annotated[int, Field(ge=1, le=10_000)] = 4
    farm_alarm_share: Annotated[float, Field(gt=0, lt=1)] = 0.95
    farm_alarm_episodes: Annotated[int, Field(ge=2, le=100_000)] = 100
    agent_stats_every: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    agent_stats_kept: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    record_every: Annotated[int, Field(ge=0, le=1_000_000)] = 1  # every so-many-th episode can be replayed
    episodes_mb: Annotated[int, Field(ge=1, le=100_000)] = 200  # megabytes of disk for them
    mlflow: bool = False
    wandb: bool = False

    @field_validator("observations")
    @classmethod
    def _known_observations(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in OBSERVATION_NAMES:
                raise ValueError(unknown_name(name, OBSERVATION_NAMES, "an observation"))
        if len(set(names)) != len(names):
            raise ValueError("names an observation twice")
        return names

    @field_validator("rewards")
    @classmethod
    def _all_coefficients(cls, rewards: dict[str, float]) -> dict[str, float]:
        from rewards.stack import check_coefficients

        return check_coefficients(rewards) if rewards else _default_rewards()

    @field_validator("reward_terms")
    @classmethod
    def _own_terms(cls, terms: dict[str, float]) -> dict[str, float]:
        from rewards.custom_terms import check_custom_coefficients

        check_custom_coefficients(terms)
        return terms

    @model_validator(mode="after")
    def _one_entropy_schedule(self) -> Self:
        if self.ent_coef_final is not None and not isinstance(self.ent_coef, float):
            raise ValueError(
                f"ent_coef is a schedule of its own: ent_coef_final {self.ent_coef_final} must be left out"
            )
        return self

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.held_frames >= self.action_frames:
            raise ValueError(
                f"held_frames {self.held_frames} must be less than action_frames {self.action_frames}"
            )
        if self.workers is not None and self.workers > self.num_envs:
            raise ValueError(
                f"workers {self.workers} must be at most num_envs {self.num_envs}: a worker holds"
                " one environment at least"
            )
        if self.rollout_steps < 2:
            raise ValueError("n_steps x num_envs is 1: PPO needs at least 2 steps in a rollout")
        if self.rollout_steps % self.batch_size:
            sizes = ", ".join(map(str, divisors_near(self.rollout_steps, self.batch_size)))
            raise ValueError(
                f"batch_size {self.batch_size} does not divide n_steps x num_envs = {self.n_steps} x"
                f" {self.num_envs} = {self.rollout_steps}; sizes near it that do: {sizes}"
            )
        return self

    @property
    def rollout_steps(self) -> int:
        """Steps that one PPO update learns from."""
        return self.n_steps * self.num_envs

    @property
    def training_steps(self) -> int:
        """Steps of the whole run, over all environments together."""
        return self.total_steps or self.max_steps * self.num_envs * self.total_multiplier

    def schedules(self) -> dict[str, ScheduleFunction]:
        """The coefficients that may go along with training, as functions of the step count."""
        entropy = self.ent_coef
        if isinstance(entropy, float) and self.ent_coef_final is not None:
            entropy = Linear(kind="linear", start=entropy, end=self.ent_coef_final, share=self.ent_coef_share)
        parts = {"ent_coef": entropy, "learning_rate": self.learning_rate, "clip_range": self.clip_range}
        return {name: curve(schedule, self.training_steps) for name, schedule in parts.items()}

    def differences(self, other: TrainConfig) -> list[str]:
        """``key: theirs -> ours`` for every key (with dots for sections) where ``other`` differs."""
        ours, theirs = (_flat(config.model_dump(mode="json")) for config in (self, other))
        for flat in (ours, theirs):  # whether it is a cluster matters, not which: groups are others there
            flat["ray_address"] = flat["ray_address"] and "a cluster"
        keys = sorted(ours.keys() | theirs.keys())
        return [
            f"{key}: {json.dumps(theirs.get(key))} -> {json.dumps(ours.get(key))}"
            for key in keys
            if key.split(".")[0] not in NO_MATTER and ours.get(key) != theirs.get(key)
        ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
