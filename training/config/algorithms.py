"""Names and settings of other algorithms: what they mean for PPO, or why they mean nothing."""

from __future__ import annotations

from typing import Any

from training.config.error_lines import show, where
from training.config.files import ConfigError, ConfigLayer
from training.config.sections.policy import LSTM, NATURE, TILES

RECURRENT = "RecurrentPPO"
"""sb3-contrib's name for PPO with a policy that remembers."""
MASKABLE = "MaskablePPO"
"""Its name for PPO with masked actions."""
OFF_POLICY = {
    "replay_ratio": "PPO learns from each rollout n_epochs times and discards it, without a replay buffer:"
    " set n_epochs",
    "tau": "PPO has no target network to average: set gae_lambda if that is meant, or learning_rate,"
    " clip_range and target_kl for the size of updates",
}
"""Settings of algorithms that learn from a replay buffer, and what to set for PPO instead."""


def refuse_off_policy(layer: ConfigLayer) -> None:
    """Raise ConfigError for a setting that PPO does not have, with what to set instead."""
    for key, why in OFF_POLICY.items():
        if key in layer.values:
            raise ConfigError(f"{layer.where(key)} has no effect: {why}")


def as_ppo(merged: dict[str, Any], layers: list[ConfigLayer]) -> dict[str, Any]:
    """Return merged settings in which an algorithm of another name is PPO with its policy or its masks.

    Raises ConfigError for a policy that contradicts the name.
    """
    if merged.get("algorithm") == MASKABLE:
        mask = merged.get("mask")
        return {**merged, "algorithm": "PPO", "mask": {} if mask is None else mask}
    if merged.get("algorithm") != RECURRENT:
        return merged
    policy = merged.get("policy") or {"kind": LSTM}
    kind = policy.get("kind") if isinstance(policy, dict) else None
    if kind in (TILES, NATURE):
        raise ConfigError(
            f"{where(layers, 'algorithm')} {show(RECURRENT)} needs a policy with memory, not {show(kind)}:"
            f" leave policy out for {LSTM}"
        )
    return {**merged, "algorithm": "PPO", "policy": policy}
