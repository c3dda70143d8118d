"""All settings of a training run, with type, range and default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from envs.observation_names import DEFAULT_OBSERVATIONS, FRAMES, OBSERVATION_NAMES, SCREEN_SIZE
from training.config.files import unknown_name
from training.config.normalization_settings import NormalizationSettings
from training.config.ppo_settings import PPOSettings
from training.config.presets import divisors_near
from training.config.roles import Flag, Role, Settings
from training.config.saving_settings import SavingSettings
from training.config.schedules import ScheduleFunction
from training.config.sections.archive import ArchiveConfig
from training.config.sections.cluster import RayConfig
from training.config.sections.health import HealthConfig
from training.config.sections.imitation import InitConfig
from training.config.sections.intrinsic import Intrinsic, ReverseConfig
from training.config.sections.network import NetworkConfig
from training.config.sections.policy import Policy
from training.config.sections.reverse_model import ReverseModelConfig
from training.config.sections.reward_layers import LayersConfig
from training.config.with_memory import misfits_of_policy
from training.config.without_effect import without_effect

MAX_SEED = 2**31 - 1  # evaluation seeds start at 2**31, so the two never overlap

Steps = Annotated[int, Field(ge=0, le=10**13)]
Parallel = Annotated[int, Field(ge=1, le=1024)]
Version = Annotated[int, Field(ge=1, le=10_000)]
Text = Annotated[str, Field(min_length=1)]
StartWeight = Annotated[float, Field(gt=0, le=1_000_000)]
Starts = Annotated[dict[Text, StartWeight], Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
FileName = Annotated[str, Field(min_length=1, max_length=4096)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]


def _default_rewards() -> dict[str, float]:
    from rewards.stack import DEFAULT_COEFFICIENTS  # imported here, so that --help does not import numpy

    return dict(DEFAULT_COEFFICIENTS)


class RunSettings(Settings):
    """Names, the game, length and parallelism of a run, and the network."""

    # names, for listing and comparing runs
    algorithm: Annotated[Literal["PPO"], Role.BOOKKEEPING] = "PPO"
    """The learning algorithm."""
    agent_id: Annotated[Slug | None, Role.BOOKKEEPING] = None
    """Family of configs that the run belongs to; file names of a sweep start with it."""
    name: Annotated[Name | None, Role.BOOKKEEPING] = None
    """Display name of the agent."""
    version: Annotated[Version | None, Role.BOOKKEEPING] = None
    """Version of the agent."""
    sweep_variant: Annotated[Slug | None, Role.BOOKKEEPING] = None
    """Name of the sweep variant."""
    sweep: Annotated[Name | None, Role.BOOKKEEPING] = None
    """Name of the sweep that the run is a trial of; run_sweep.py sets it."""
    sweep_config: Annotated[FileName | None, Role.BOOKKEEPING] = None
    """Path of the variant's file; run_sweep.py sets it."""
    tags: Annotated[tuple[Slug, ...], Field(max_length=20), Role.BOOKKEEPING] = ()
    """Tags for finding the run."""
    description: Annotated[str, Role.BOOKKEEPING] = ""
    """Purpose of the config."""
    preset: Annotated[Literal["small", "medium", "large"] | None, Role.SAMPLE, Flag()] = None
    """Environments, rollout and batch fitted to this machine's cores and memory."""

    # the game
    rom: Annotated[Text | None, Role.CARTRIDGE, Flag("PATH")] = None  # load_config fills it in
    """ROM to play; when left out, POKEMON_RED_ROM or the embedded cartridge."""
    game: Annotated[Literal["clover", "red", "blue"] | None, Role.CARTRIDGE, Flag()] = None
    """Game of a cartridge whose hash is not known."""
    start: Annotated[Text | None, Role.CARTRIDGE, Flag("NAME")] = None
    """Start of episodes: the name of a start state, or the path of a state file; replaces "starts"."""
    starts: Annotated[Starts | None, Role.CARTRIDGE] = None
    """Several starts with weights: each episode begins at one of them, drawn by weight."""
    fast_text: Annotated[bool, Role.EPISODE, Flag()] = False
    """Keep text fast and battle animations off by writing memory (an intervention: recorded and counted)."""
    repel: Annotated[bool, Role.EPISODE] = False
    """Keep wild creatures away by writing memory (an intervention: recorded and counted)."""
    goal: Annotated[Text | None, Role.EPISODE] = None
    """Milestone that ends an episode as a success."""
    max_steps: Annotated[int, Field(ge=1, le=10_000_000), Role.EPISODE] = 4096
    """Steps after which an episode is truncated."""
    action_frames: Annotated[int, Field(ge=2, le=600), Role.EPISODE] = 24
    """Frames per action."""
    held_frames: Annotated[int, Field(ge=1, le=600), Role.EPISODE] = 8
    """Frames of an action during which the button is held."""
    sound: Annotated[bool, Role.EPISODE] = False
    """Emulate the sound hardware; not needed, and takes 1.5 to 1.8 times as long."""
    observations: Annotated[tuple[str, ...], Field(min_length=1), Role.OBSERVATIONS] = DEFAULT_OBSERVATIONS
    """Parts of the observation: names, or FILE.py:CLASS or MODULE:CLASS for one of your own."""
    frames: Annotated[int, Field(ge=1, le=8), Role.OBSERVATIONS] = FRAMES
    """Number of last pictures in the observation "screen"."""
    screen_size: Annotated[Literal["full", "half", "quarter"], Role.OBSERVATIONS] = "half"
    """Size of these pictures: 144 x 160, 72 x 80 or 36 x 40 pixels."""
    rewards: Annotated[dict[str, float], Role.EPISODE] = Field(default_factory=lambda: _default_rewards())
    """Coefficients of the reward terms."""
    reward_terms: Annotated[dict[str, float], Role.EPISODE] = Field(default_factory=dict)
    """Coefficients of custom reward terms: FILE.py:CLASS or MODULE:CLASS."""
    layers: Annotated[LayersConfig, Role.EPISODE] = LayersConfig()
    """Weights of the reward layers."""

    # training length and parallelism
    num_envs: Annotated[Parallel, Role.LEARNING, Flag()] = 16
    """Number of parallel environments."""
    workers: Annotated[Parallel | None, Role.BOOKKEEPING, Flag()] = None
    """Number of worker processes (default: one per core)."""
    step_timeout: Annotated[float, Field(gt=0, le=3600), Role.BOOKKEEPING, Flag("S")] = 4.0
    """Seconds per step after which a worker counts as hung and is replaced."""
    ray_address: Annotated[Text | None, Role.SAMPLE, Flag("HOST:PORT")] = None
    """Head of the Ray cluster that runs the environments, see docs/ray.md."""
    envs_per_actor: Annotated[Parallel, Role.SAMPLE, Flag()] = 16
    """Environments per actor on the cluster; an actor takes one processor."""
    ray: Annotated[RayConfig, Role.BOOKKEEPING] = RayConfig()
    """Supervision of environments on a Ray cluster."""
    total_multiplier: Annotated[int, Field(ge=1, le=1_000_000), Role.LEARNING, Flag()] = 50
    """Train for max_steps x num_envs x this many steps."""
    total_steps: Annotated[Steps | None, Role.LEARNING, Flag()] = None
    """Train for this many steps over all environments, 0 to only clone; overrides total_multiplier."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED), Role.SAMPLE, Flag()] = 0
    """Seed of all random generators."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d{1,2})?)$"), Role.SAMPLE, Flag("NAME")] = "auto"
    """auto, cpu, cuda or cuda:N."""
    torch_deterministic: Annotated[bool, Role.SAMPLE, Flag()] = False
    """Refuse torch operations that are not deterministic."""
    bfloat16: Annotated[bool, Role.LEARNING, Flag()] = False
    """Compute the network in bfloat16; refused where the hardware does not support it."""

    network: Annotated[NetworkConfig, Role.NETWORK] = NetworkConfig()
    """Sizes of the policy's network."""
    policy: Annotated[Policy | None, Role.NETWORK] = None
    """Kind of the policy: tiles, nature, lstm, gpt2 or FILE.py:CLASS; see docs/policies.md."""
    intrinsic: Annotated[Intrinsic | None, Role.NETWORK] = None  # may need a second value head
    """Learned reward beside the game's: counts, rnd, or a class of the user's; see docs/curiosity.md."""
    archive: Annotated[ArchiveConfig | None, Role.LEARNING] = None
    """Start archive: a share of the episodes begins in cells that earlier episodes reached."""
    init: Annotated[InitConfig | None, Role.LEARNING] = None
    """Behaviour cloning from demonstrations before training, see docs/imitation.md."""
    reverse_model: Annotated[ReverseModelConfig | None, Role.LEARNING] = None
    """Backward model of the environment, trained beside actor and critic; see docs/policies.md."""
    health: Annotated[HealthConfig, Role.LEARNING] = HealthConfig()
    """What a run does about health findings."""


class TrainConfig(SavingSettings, NormalizationSettings, PPOSettings, RunSettings):
    """All settings of a training run. Unknown keys are refused; fields have ranges and roles.

    When the "rewards" of a file that extends nothing name coefficients, all others are 0. Without "rewards"
    the defaults apply. Extended files are merged first, see training.config.reward_merging.
    """

    @field_validator("observations")
    @classmethod
    def _known_observations(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from envs.user_classes import split_spec

        for name in names:
            if ":" in name:  # a class of the user's
                split_spec(name, "observation")
            elif name not in OBSERVATION_NAMES:
                raise ValueError(unknown_name(name, OBSERVATION_NAMES, "an observation"))
        if len(set(names)) != len(names):
            raise ValueError("an observation is named twice")
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
    def _intrinsic_has_what_it_needs(self) -> Self:
        if self.intrinsic is not None:
            self.intrinsic.check_observations(self.observations)
        if isinstance(self.intrinsic, ReverseConfig) and self.reverse_model is None:
            raise ValueError('intrinsic of kind reverse needs "reverse_model", whose error it pays')
        return self

    @model_validator(mode="after")
    def _policy_fits(self) -> Self:
        lines = list(misfits_of_policy(self))
        if lines:
            raise ValueError("; ".join(lines))
        return self

    @model_validator(mode="after")
    def _one_kind_of_start(self) -> Self:
        if self.start is not None and self.starts is not None:
            raise ValueError(f"start {self.start} and starts cannot be given together")
        return self

    @model_validator(mode="after")
    def _archive_on_this_machine(self) -> Self:
        if self.archive is not None and self.ray_address is not None:
            raise ValueError(
                f"archive cannot be used with ray_address {self.ray_address}: the start archive works with"
                " environments on this machine"
            )
        return self

    @model_validator(mode="after")
    def _pictures_are_observed(self) -> Self:
        for name, usual in (("frames", FRAMES), ("screen_size", SCREEN_SIZE)):
            value = getattr(self, name)
            if value != usual and "screen" not in self.observations:
                raise ValueError(f'{name} {value} has no effect: observations do not include "screen"')
        return self

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.held_frames >= self.action_frames:
            raise ValueError(
                f"held_frames {self.held_frames} must be less than action_frames {self.action_frames}"
            )
        if self.workers is not None and self.workers > self.num_envs:
            raise ValueError(
                f"workers {self.workers} must be at most num_envs {self.num_envs}: every worker needs"
                " at least one environment"
            )
        if self.rollout_steps < 2:
            raise ValueError("n_steps x num_envs is 1: PPO needs at least 2 steps in a rollout")
        if self.rollout_steps % self.batch_size:
            sizes = ", ".join(map(str, divisors_near(self.rollout_steps, self.batch_size)))
            raise ValueError(
                f"batch_size {self.batch_size} does not divide n_steps x num_envs = {self.n_steps} x"
                f" {self.num_envs} = {self.rollout_steps}; nearest sizes that do: {sizes}"
            )
        return self

    @model_validator(mode="after")
    def _everything_has_an_effect(self) -> Self:
        lines = list(without_effect(self))
        if lines:
            raise ValueError("; ".join(lines))
        return self

    @property
    def rollout_steps(self) -> int:
        """Steps per PPO update, over all environments."""
        return self.n_steps * self.num_envs

    @property
    def training_steps(self) -> int:
        """Steps of the whole run, over all environments."""
        usual = self.max_steps * self.num_envs * self.total_multiplier
        return usual if self.total_steps is None else self.total_steps

    @property
    def encoders(self) -> NetworkConfig:
        """``network`` with the encoder of pictures that ``policy`` stands for."""
        cnn = None if self.policy is None else self.policy.cnn
        return self.network if cnn is None else self.network.model_copy(update={"cnn": cnn})

    @property
    def has_intrinsic_head(self) -> bool:
        """Whether the policy has a second value head, for a learned reward."""
        return self.intrinsic is not None and self.intrinsic.has_value_head

    @property
    def checkpoint_steps(self) -> int:
        """Steps between checkpoints, over all environments."""
        return self.save_frequency * self.rollout_steps if self.save_frequency else self.save_interval

    @property
    def planned_steps(self) -> int:
        """``training_steps`` rounded up to whole updates: the length of a run that starts from nothing."""
        return -(-self.training_steps // self.rollout_steps) * self.rollout_steps

    def schedules(self) -> dict[str, ScheduleFunction]:
        """Return the coefficients that can be scheduled, as functions of the step count."""
        return self.scheduled(self.training_steps)

    def differences(self, other: TrainConfig) -> list[str]:
        """Return ``key: theirs -> ours`` for every key (with dots for sections) where ``other`` differs."""
        ours, theirs = (_flat(config.model_dump(mode="json")) for config in (self, other))
        for flat in (ours, theirs):  # a cluster groups environments differently; which cluster is irrelevant
            flat["ray_address"] = flat["ray_address"] and "a cluster"
        may_differ = self.keys_with(Role.BOOKKEEPING)
        keys = sorted(ours.keys() | theirs.keys())
        return [
            f"{key}: {json.dumps(theirs.get(key))} -> {json.dumps(ours.get(key))}"
            for key in keys
            if key.split(".")[0] not in may_differ and ours.get(key) != theirs.get(key)
        ]


def episode_settings(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that affect an episode and its rewards, as plain JSON values."""
    return config.model_dump(mode="json", include=set(config.keys_with(Role.EPISODE)))


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
