"""What a training run is made of: every setting with its kind, its range and its default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from envs.observation_names import OBSERVATION_NAMES
from training.config.cluster import RayConfig
from training.config.files import unknown_name
from training.config.health import HealthConfig
from training.config.presets import divisors_near
from training.config.reward_layers import LayersConfig
from training.config.roles import Flag, Role, Settings
from training.config.schedules import Linear, Schedule, ScheduleFunction, curve, within

MAX_SEED = 2**31 - 1  # evaluation takes its seeds from 2**31 on, so that the two never meet

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Width = Annotated[int, Field(ge=1, le=4096)]
Share = Annotated[float, Field(gt=0, le=1)]
Coefficient = Annotated[Schedule, within(0, 10)]
Rate = Annotated[Schedule, within(0, 1, above=True)]
Steps = Annotated[int, Field(ge=1, le=10**13)]
Parallel = Annotated[int, Field(ge=1, le=1024)]
Weight = Annotated[float, Field(ge=0, le=10)]
Version = Annotated[int, Field(ge=1, le=10_000)]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
FileName = Annotated[str, Field(min_length=1, max_length=4096)]
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


class TrainConfig(Settings):
    """Everything that decides what a run learns. Unknown keys are refused; fields have ranges and roles.

    "rewards" of a file that extends nothing are all there are (a coefficient left out is 0); none given: the
    defaults. What is extended is merged before, see training.config.reward_merging.
    """

    # what it is called, where runs are listed and compared
    algorithm: Annotated[Literal["PPO"], Role.BOOKKEEPING] = "PPO"
    """The algorithm that learns."""
    agent_id: Annotated[Slug | None, Role.BOOKKEEPING] = None
    """Family of configs that the run belongs to; the files of a sweep begin with it."""
    name: Annotated[Name | None, Role.BOOKKEEPING] = None
    """Name of the agent, for people."""
    version: Annotated[Version | None, Role.BOOKKEEPING] = None
    """Version of the agent."""
    sweep_variant: Annotated[Slug | None, Role.BOOKKEEPING] = None
    """Name of a sweep's variant."""
    sweep: Annotated[Name | None, Role.BOOKKEEPING] = None
    """Name of the sweep that the run is a trial of; run_sweep.py sets it."""
    sweep_config: Annotated[FileName | None, Role.BOOKKEEPING] = None
    """Path of the variant's file; run_sweep.py sets it."""
    tags: Annotated[tuple[Slug, ...], Field(max_length=20), Role.BOOKKEEPING] = ()
    """Words to find the run by."""
    description: Annotated[str, Role.BOOKKEEPING] = ""
    """What the config is for."""
    preset: Annotated[Literal["small", "medium", "large"] | None, Role.SAMPLE, Flag()] = None
    """Environments, rollout and batch fitted to this machine's cores and memory."""

    # the game
    rom: Annotated[Text | None, Role.CARTRIDGE, Flag("PATH")] = None  # load_config fills it in
    """Cartridge to play; when left out, what POKEMON_RED_ROM names, or the embedded one."""
    game: Annotated[Literal["clover", "red", "blue"] | None, Role.CARTRIDGE, Flag()] = None
    """Which game a cartridge is that is not known by its hash."""
    start: Annotated[Text | None, Role.CARTRIDGE, Flag("NAME")] = None
    """How episodes begin: a start state's name or the path of a state file."""
    fast_text: Annotated[bool, Role.EPISODE, Flag()] = False
    """Keep text fast and battle animations off by writing memory (an intervention: recorded and counted)."""
    repel: Annotated[bool, Role.EPISODE] = False
    """Keep wild creatures away by writing memory (an intervention: recorded and counted)."""
    goal: Annotated[Text | None, Role.EPISODE] = None
    """Milestone that ends an episode as a success."""
    max_steps: Annotated[int, Field(ge=1, le=10_000_000), Role.EPISODE] = 4096
    """Steps after which an episode is cut."""
    action_frames: Annotated[int, Field(ge=2, le=600), Role.EPISODE] = 24
    """Frames of one action."""
    held_frames: Annotated[int, Field(ge=1, le=600), Role.EPISODE] = 8
    """Frames of an action during which the button is held."""
    sound: Annotated[bool, Role.EPISODE] = False
    """Emulate the sound hardware, which nothing needs and which takes 1.5 to 1.8 times as long."""
    observations: Annotated[tuple[str, ...], Field(min_length=1), Role.OBSERVATIONS] = OBSERVATION_NAMES
    """Parts of the observation."""
    rewards: Annotated[dict[str, float], Role.EPISODE] = Field(default_factory=lambda: _default_rewards())
    """Coefficients of the reward's terms."""
    reward_terms: Annotated[dict[str, float], Role.EPISODE] = Field(default_factory=dict)
    """Coefficients of terms of your own: FILE.py:CLASS or MODULE:CLASS."""
    layers: Annotated[LayersConfig, Role.EPISODE] = LayersConfig()
    """Weights of the reward's layers."""

    # how much, and on what
    num_envs: Annotated[Parallel, Role.LEARNING, Flag()] = 16
    """Games played side by side."""
    workers: Annotated[Parallel | None, Role.BOOKKEEPING, Flag()] = None
    """Processes that play the games (default: one per core)."""
    step_timeout: Annotated[float, Field(gt=0, le=3600), Role.BOOKKEEPING, Flag("S")] = 4.0
    """Seconds for one step of the games, after which a worker counts as hung and is replaced."""
    ray_address: Annotated[Text | None, Role.SAMPLE, Flag("HOST:PORT")] = None
    """Head of the Ray cluster that plays the games, see docs/ray.md."""
    envs_per_actor: Annotated[Parallel, Role.SAMPLE, Flag()] = 16
    """Games of one actor on the cluster; an actor takes one processor."""
    ray: Annotated[RayConfig, Role.BOOKKEEPING] = RayConfig()
    """How environments on a Ray cluster are looked after."""
    total_multiplier: Annotated[int, Field(ge=1, le=1_000_000), Role.LEARNING, Flag()] = 50
    """Train for max_steps x num_envs x this many steps."""
    total_steps: Annotated[Steps | None, Role.LEARNING, Flag()] = None
    """Train for this many steps over all environments; beats total_multiplier."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED), Role.SAMPLE, Flag()] = 0
    """Seed of every random generator."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d{1,2})?)$"), Role.SAMPLE, Flag("NAME")] = "auto"
    """auto, cpu, cuda or cuda:N."""
    torch_deterministic: Annotated[bool, Role.SAMPLE, Flag()] = False
    """Refuse operations of torch that are not reproducible."""
    bfloat16: Annotated[bool, Role.LEARNING, Flag()] = False
    """Compute the network in bfloat16, where the processor or graphics card can."""

    # PPO
    n_steps: Annotated[int, Field(ge=1, le=1_000_000), Role.LEARNING, Flag()] = 512
    """Steps of each environment in one rollout."""
    batch_size: Annotated[int, Field(ge=1, le=100_000_000), Role.LEARNING, Flag()] = 512
    """Steps in one minibatch; must divide n_steps x num_envs."""
    n_epochs: Annotated[int, Field(ge=1, le=1000), Role.LEARNING, Flag()] = 1
    """Passes over each rollout."""
    gamma: Annotated[Share, Role.LEARNING, Flag()] = 0.997
    """Discount of later rewards."""
    gae_lambda: Annotated[float, Field(ge=0, le=1), Role.LEARNING, Flag()] = 0.95
    """Bias against variance in the advantages."""
    ent_coef: Annotated[Coefficient, Role.LEARNING, Flag()] = 0.01
    """Weight of the entropy bonus (where annealing begins)."""
    ent_coef_final: Annotated[Weight | None, Role.LEARNING] = None
    """Weight of the entropy bonus where annealing ends."""
    ent_coef_share: Annotated[Share, Role.LEARNING] = 1.0
    """Share of training over which it is annealed."""
    learning_rate: Annotated[Rate, Role.LEARNING, Flag()] = 3e-4
    """Step size of the optimizer."""
    clip_range: Annotated[Rate, Role.LEARNING, Flag()] = 0.2
    """How far one update may move an action's probability."""
    vf_coef: Annotated[float, Field(ge=0, le=100), Role.LEARNING, Flag()] = 0.5
    """Weight of the value loss."""
    max_grad_norm: Annotated[float, Field(gt=0, le=1000), Role.LEARNING, Flag()] = 0.5
    """Longest gradient that is not cut."""
    network: Annotated[NetworkConfig, Role.NETWORK] = NetworkConfig()
    """Sizes of the policy's network."""
    health: Annotated[HealthConfig, Role.LEARNING] = HealthConfig()
    """What a run does about findings of its health."""

    # what is kept and measured on the way
    save_interval: Annotated[Count, Role.SAMPLE, Flag()] = 100_000
    """Steps between checkpoints."""
    keep_checkpoints: Annotated[int, Field(ge=1, le=10_000), Role.SAMPLE] = 5
    """How many of the latest checkpoints are kept."""
    eval_every_steps: Annotated[int, Field(ge=0, le=10**12), Role.SAMPLE, Flag()] = 0
    """Steps between evaluations on seeds held apart; 0 for none."""
    eval_episodes: Annotated[int, Field(ge=1, le=10_000), Role.SAMPLE] = 4
    """Episodes of one such evaluation."""
    farm_alarm_share: Annotated[float, Field(gt=0, lt=1), Role.BOOKKEEPING] = 0.95
    """Share of what episodes earn from which on a component counts as farmed."""
    farm_alarm_episodes: Annotated[int, Field(ge=2, le=100_000), Role.BOOKKEEPING] = 100
    """Latest episodes that the farm alarm looks at."""
    agent_stats_every: Annotated[int, Field(ge=1, le=1_000_000), Role.SAMPLE] = 10
    """Steps of a game between two samples of its state."""
    agent_stats_kept: Annotated[int, Field(ge=1, le=1_000_000), Role.SAMPLE] = 1000
    """Latest samples that are kept, of all games together."""
    record_every: Annotated[int, Field(ge=0, le=1_000_000), Role.BOOKKEEPING] = 1
    """Every so-many-th episode is recorded and can be replayed; 0 for none."""
    episodes_mb: Annotated[int, Field(ge=1, le=100_000), Role.BOOKKEEPING] = 200
    """Megabytes of disk for recorded episodes."""
    mlflow: Annotated[bool, Role.BOOKKEEPING, Flag()] = False
    """Keep the figures in an MLflow database in the run's folder too (pip install mlflow-skinny)."""
    wandb: Annotated[bool, Role.BOOKKEEPING, Flag()] = False
    """Keep the figures in an offline run of Weights & Biases in the run's folder too (pip install wandb)."""

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
        may_differ = self.keys_with(Role.BOOKKEEPING)
        keys = sorted(ours.keys() | theirs.keys())
        return [
            f"{key}: {json.dumps(theirs.get(key))} -> {json.dumps(ours.get(key))}"
            for key in keys
            if key.split(".")[0] not in may_differ and ours.get(key) != theirs.get(key)
        ]


def episode_settings(config: TrainConfig) -> dict[str, Any]:
    """The settings that decide how an episode goes and what it pays, as plain JSON values."""
    return config.model_dump(mode="json", include=set(config.keys_with(Role.EPISODE)))


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
