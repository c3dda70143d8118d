"""The kinds of learned rewards by their name in the config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from training.config.schema import TrainConfig
from training.config.sections.imitation_rewards import AmpConfig, NearConfig
from training.config.sections.intrinsic import CountsConfig, OwnConfig, RndConfig
from training.config.sections.intrinsic_base import IntrinsicConfig
from training.environments.local import observations_of
from training.learned_rewards.counts import Counts
from training.learned_rewards.from_demonstrations.amp import AdversarialReward
from training.learned_rewards.from_demonstrations.near import EnergyReward
from training.learned_rewards.interface import RewardModel, Setting
from training.learned_rewards.own_model import OwnModel
from training.learned_rewards.rnd import RandomNetworkDistillation
from training.policies.masks import visible

MODELS: dict[type[IntrinsicConfig], Callable[[Any, Setting], RewardModel]] = {
    CountsConfig: Counts,
    RndConfig: RandomNetworkDistillation,
    AmpConfig: AdversarialReward,
    NearConfig: EnergyReward,
    OwnConfig: OwnModel,
}


def make_reward_model(config: IntrinsicConfig, setting: Setting) -> RewardModel:
    """Make the model of the config's section "intrinsic".

    Raises UserError if a class of the user's is missing or fails.
    """
    return MODELS[type(config)](config, setting)


def check_reward_model(config: TrainConfig) -> None:
    """Try a class of the user's, to find mistakes before any process starts. Raises UserError."""
    if isinstance(config.intrinsic, OwnConfig):
        setting = Setting(visible(observations_of(config).space), config.num_envs, config.seed)
        make_reward_model(config.intrinsic, setting)
