"""The kinds of policies by their name in the config."""

from __future__ import annotations

import importlib.util
from typing import Any, NamedTuple

from gymnasium import spaces

from envs.errors import UserError
from training.config.schema import TrainConfig
from training.config.sections.policy import Gpt2Config, LstmConfig, OwnPolicyConfig
from training.config.with_memory import refused_with_memory
from training.policies.gpt2 import Gpt2Network
from training.policies.interface import Network
from training.policies.lstm import LstmNetwork
from training.policies.network_policy import NetworkPolicy
from training.policies.own_network import own_network
from training.policies.tile_policy import GamePolicy, policy_kwargs, with_adam


class PolicyClass(NamedTuple):
    """The class of a policy and its keyword arguments, as stable-baselines3's PPO takes them."""

    kind: type[GamePolicy]
    settings: dict[str, Any]


def policy_class(config: TrainConfig, space: spaces.Dict) -> PolicyClass:
    """Return the policy of ``config`` for the observations ``space``.

    Raises UserError if a class of the user's is missing or fails, or if transformers is missing for GPT-2.
    """
    settings = policy_kwargs(
        config.encoders, config.normalize_input, config.normalize_value, config.has_intrinsic_head
    )
    settings = with_adam(settings, config.adam_settings())
    section = config.policy
    if isinstance(section, OwnPolicyConfig):
        network = own_network(section.kind, section.settings, space)
        return PolicyClass(NetworkPolicy, _over(settings, type(network), section.settings))
    if isinstance(section, LstmConfig):
        return PolicyClass(NetworkPolicy, _over(settings, LstmNetwork, _lstm_settings(section, settings)))
    if isinstance(section, Gpt2Config):
        require_transformers()
        return PolicyClass(NetworkPolicy, _over(settings, Gpt2Network, _gpt2_settings(section, settings)))
    return PolicyClass(GamePolicy, settings)


def require_transformers() -> None:
    """Raise UserError if transformers is not installed."""
    if importlib.util.find_spec("transformers") is None:
        raise UserError("policy gpt2: transformers is not installed; pip install -e '.[gpt]'")


def _lstm_settings(section: LstmConfig, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of an LstmNetwork, whose encoders are those that ``settings`` describe."""
    return {
        **settings["features_extractor_kwargs"],
        "layers": section.layers,
        "width": section.width,
        "separate": section.separate,
        "separate_encoders": not settings["share_features_extractor"],
    }


def _gpt2_settings(section: Gpt2Config, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a Gpt2Network, whose encoders are those that ``settings`` describe."""
    return {
        **settings["features_extractor_kwargs"],
        "max_input_states": section.max_input_states,
        "d_model": section.d_model,
        "num_layers": section.num_layers,
        "num_heads": section.num_heads,
    }


def _over(settings: dict[str, Any], network: type[Network], own: dict[str, Any]) -> dict[str, Any]:
    """Return ``settings`` with ``network``, which is made with the settings ``own``, as encoders."""
    return {
        **settings,
        "features_extractor_class": network,
        "features_extractor_kwargs": own,
        "share_features_extractor": True,
    }


def check_policy(config: TrainConfig, space: spaces.Dict) -> None:
    """Try a class of the user's with the observations ``space``, before any process starts.

    Raises UserError for its mistakes and for settings that exclude its memory.
    """
    section = config.policy
    if isinstance(section, OwnPolicyConfig):
        network = own_network(section.kind, section.settings, space)
        if network.state_size:
            check_memory(config)


def check_memory(config: TrainConfig) -> None:
    """Raise UserError for settings that do not work with the memory of the config's policy."""
    lines = list(refused_with_memory(config))
    if lines:
        raise UserError("; ".join(lines))
