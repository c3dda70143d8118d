"""The kinds of learned rewards that come from demonstrations: AMP and NEAR.

Names of settings are those of the methods' programs (IsaacGymEnvs' guides of AMP with rl_games; NEAR, arXiv
2501.14856). Defaults are smaller where those were made for thousands of environments on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from training.config.schedules import Schedule
from training.config.sections.intrinsic_base import (
    IntrinsicConfig,
    ScheduledWeight,
    Share,
    Width,
    check_inputs,
)

EMA_RATE = 0.999
Layers = Annotated[tuple[Width, ...], Field(max_length=8)]
Batch = Annotated[int, Field(ge=1, le=1_000_000)]
Rate = Annotated[float, Field(gt=0, le=1)]
Coefficient = Annotated[float, Field(ge=0, le=1000)]
Sigma = Annotated[float, Field(gt=0, le=1e6)]


class FromDemonstrations(IntrinsicConfig):
    """Rewards for being like demonstrations. The game's reward is weighted by ``task_reward_w``."""

    demonstrations: Annotated[str, Field(min_length=1)]
    """Folder of the set, made by demonstrate.py."""
    demonstration_steps: Annotated[int, Field(ge=2, le=10_000_000)] | None = None
    """Only the first steps of each demonstration are used; default: all."""
    demonstration_skip: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """Of these, the first that are left out, so that the reward leads to what follows them."""
    held_out: Annotated[float, Field(ge=0, le=0.9)] = 0.1
    """Share of the demonstrations, at least one, from which nothing is learned."""
    inputs: Annotated[tuple[str, ...], Field(min_length=1)] = ("place", "progress")
    """Observations whose transitions are compared. Pictures are optional: of stacked ones the newest, at an
    eighth of the screen's size."""
    embedding: Annotated[int, Field(ge=1, le=256)] = 8
    """Width of the fixed random vector that stands for an id, such as that of a map."""
    task_reward_w: ScheduledWeight = 1.0
    """Weight of the game's reward; a number or a schedule."""

    @model_validator(mode="after")
    def _steps_are_left(self) -> Self:
        if self.demonstration_steps is not None and self.demonstration_skip + 2 > self.demonstration_steps:
            raise ValueError(
                f"demonstration_skip {self.demonstration_skip} must be at least 2 below demonstration_steps"
                f" {self.demonstration_steps}"
            )
        return self

    @property
    def game_weight(self) -> Schedule:
        """See IntrinsicConfig."""
        return self.task_reward_w

    @property
    def kind_name(self) -> str:
        """The kind, as in the config."""
        raise NotImplementedError

    @property
    def weight_name(self) -> str:
        """The setting that weighs the learned reward."""
        raise NotImplementedError

    def check_observations(self, names: Iterable[str]) -> None:
        """See IntrinsicConfig."""
        check_inputs(self.kind_name, self.inputs, names)


class AmpConfig(FromDemonstrations):
    """Adversarial motion priors (Peng et al. 2021, arXiv 2104.02180): a discriminator's opinion."""

    kind: Literal["amp"] = "amp"
    """The kind of learned reward."""
    disc_reward_w: ScheduledWeight = 1.0
    """Weight of the discriminator's reward; a number or a schedule."""
    disc_reward_scale: Annotated[float, Field(gt=0, le=1000)] = 2.0
    """Factor of the reward, as in rl_games; 2."""
    disc_loss: Literal["cross_entropy", "least_squares"] = "cross_entropy"
    """Loss of the discriminator: cross entropy (rl_games), or least squares (Peng et al. 2021)."""
    disc_hidden_layers: Layers = (128, 64)
    """Units of the discriminator's hidden layers; 1024 and 512 in rl_games."""
    disc_learning_rate: Rate = 3e-4
    """Learning rate of the discriminator's Adam. In rl_games it is PPO's."""
    disc_coef: Annotated[float, Field(gt=0, le=1000)] = 5.0
    """Factor of the loss before its gradient is truncated at norm 1, as in rl_games; 5."""
    disc_logit_reg: Coefficient = 0.05
    """Weight of the squared weights of the last layer, as in rl_games; 0.05."""
    disc_grad_penalty: Coefficient = 5.0
    """Weight of the squared gradient by the inputs at demonstrations, as in rl_games; 5."""
    disc_weight_decay: Coefficient = 1e-4
    """Weight of the squares of all weights, as in rl_games; 0.0001."""
    amp_obs_demo_buffer_size: Batch = 50_000
    """Demonstrated transitions that are kept, drawn from the set if it has more; 200,000 in rl_games."""
    amp_replay_buffer_size: Batch = 20_000
    """Earlier transitions of the agent that are kept; 1,000,000 in rl_games."""
    amp_replay_keep_prob: Share = 0.1
    """Share of the rollout's transitions that are kept once the buffer is full; 0.01 in rl_games."""
    amp_batch_size: Batch = 2048
    """Transitions drawn for each update from the rollout, the replay buffer and the demonstrations each."""
    amp_minibatch_size: Batch = 256
    """Transitions of each of the three in a step of the discriminator's optimizer; 4096 in rl_games."""
    normalize_amp_input: bool = True
    """Standardise numbers by running statistics of demonstrations and rollouts, otherwise scale to 0..1."""

    @property
    def learned_weight(self) -> Schedule:
        """See IntrinsicConfig."""
        return self.disc_reward_w

    @property
    def kind_name(self) -> str:
        """See FromDemonstrations."""
        return self.kind

    @property
    def weight_name(self) -> str:
        """See FromDemonstrations."""
        return "disc_reward_w"

    @model_validator(mode="after")
    def _whole_minibatches(self) -> Self:
        if self.amp_minibatch_size > self.amp_batch_size:
            raise ValueError(
                f"amp_minibatch_size {self.amp_minibatch_size} must be at most amp_batch_size"
                f" {self.amp_batch_size}"
            )
        return self


class NearConfig(FromDemonstrations):
    """Noise-conditioned energy-based annealed rewards (NEAR, ICLR 2025, arXiv 2501.14856)."""

    kind: Literal["near"] = "near"
    """The kind of learned reward."""
    energy_reward_w: ScheduledWeight = 1.0
    """Weight of the energy's reward; a number or a schedule."""
    sigma_begin: Sigma | None = None
    """Largest deviation of the noise; default: the largest distance of two demonstrated transitions (Song
    and Ermon 2020, technique 1)."""
    sigma_end: Sigma = 0.1
    """Smallest deviation of the noise, in deviations of the standardised features."""
    L: Annotated[int, Field(ge=2, le=1000)] = 10
    """Noise levels, in geometric steps from ``sigma_begin`` to ``sigma_end``."""
    anneal_power: Annotated[float, Field(ge=0, le=10)] = 2.0
    """The loss of a level is weighted by its deviation to this power; 2 weighs all levels alike."""
    ncsnv2: bool = True
    """Divide one energy by a level's deviation (NCSNv2). With false the network sees the level."""
    encoder_hidden_layers: Layers = (128,)
    """Units of the encoder's hidden layers."""
    latent_space_dim: Width = 64
    """Units between encoder and decoder."""
    decoder_hidden_layers: Layers = (64,)
    """Units of the decoder's hidden layers; one energy follows."""
    n_iters: Annotated[int, Field(ge=1, le=10_000_000)] = 3000
    """Steps of the energy network's optimizer, before training starts."""
    batch_size: Batch = 128
    """Demonstrated transitions in each of them."""
    lr: Rate = 1e-3
    """Learning rate of the energy network's Adam."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Decay of the first moment of Adam."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Weight decay of Adam."""
    amsgrad: bool = False
    """Use AMSGrad."""
    ema: bool = True
    """Use the exponential moving average of the weights (Song and Ermon 2020, technique 5)."""
    ema_rate: Annotated[float, Field(gt=0, lt=1)] = EMA_RATE
    """Share of the average that stays after each step."""
    normalize_energynet_input: bool = True
    """Standardise numbers by the demonstrations, otherwise scale to 0..1."""
    numObsSteps: Annotated[int, Field(ge=1, le=2)] = 2
    """Moments that the energy is about: 2 is a transition, 1 the moment that a step led to."""
    sigma_level: Annotated[int, Field(ge=-1, le=999)] = -1
    """Noise level that pays, 0 with the most noise; -1: begins at 0 and is raised as energy improves."""
    level_threshold: Annotated[float, Field(gt=0, le=100)] | None = None
    """Rise of the mean energy that raises the level, in deviations of the energies in the level's first
    rollout; 0.5. The rise is a difference: a factor would be passed at once by a negative energy."""
    rebase_rollouts: Annotated[int, Field(ge=1, le=1000)] = 3
    """Rollouts whose mean energy counts as 0 in the reward."""

    @property
    def learned_weight(self) -> Schedule:
        """See IntrinsicConfig."""
        return self.energy_reward_w

    @property
    def kind_name(self) -> str:
        """See FromDemonstrations."""
        return self.kind

    @property
    def weight_name(self) -> str:
        """See FromDemonstrations."""
        return "energy_reward_w"

    @property
    def rise(self) -> float:
        """``level_threshold``, or its default."""
        return 0.5 if self.level_threshold is None else self.level_threshold

    @model_validator(mode="after")
    def _levels_fit(self) -> Self:
        if self.sigma_level >= self.L:
            raise ValueError(f"sigma_level {self.sigma_level} must be less than L {self.L}, or -1")
        if self.sigma_begin is not None and self.sigma_begin <= self.sigma_end:
            raise ValueError(f"sigma_begin {self.sigma_begin:g} must be above sigma_end {self.sigma_end:g}")
        if self.level_threshold is not None and self.sigma_level >= 0:
            raise ValueError("level_threshold has no effect with a fixed sigma_level: set sigma_level -1")
        if self.ema_rate != EMA_RATE and not self.ema:
            raise ValueError("ema_rate has no effect with ema false")
        return self
