"""Maps log keys of stable-baselines3 and of these callbacks to health metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping

ENTROPY_LOSS = "train/entropy_loss"
KEYS = {
    "perf/env_steps_per_s": "steps_per_second",
    "perf/rss_mb": "memory",
    "health/farm_alarm": "farm_alarm",
    "intrinsic/accuracy": "discriminator_accuracy",
    "rollout/ep_rew_mean": "episode_return",
    "train/episode_return_mean": "episode_return",  # after the one above, so that it takes precedence
    "train/episode_battles_started_mean": "battles_started",
}
EPISODES = ("train/episode_", "train/success_rate")
"""Prefixes of keys that describe episodes, not updates. They are NaN until an episode provides data."""
UPDATE_KEYS = ("train/approx_kl", "train/loss", "train/value_loss", ENTROPY_LOSS)
"""At least one of these is in every row that holds an update."""


def is_update(keys: Mapping[str, object]) -> bool:
    """Whether a row of a log holds the metrics of an update."""
    return any(key in keys for key in UPDATE_KEYS)


def measured(row: Mapping[str, float]) -> dict[str, float]:
    """Return the health metrics in one row of a log.

    KEYS are renamed, the entropy is in nats (stable-baselines3 logs its negative), and other ``train/*`` keys
    lose their prefix. KEYS that are NaN are omitted: no episode has ended yet.
    """
    found = {
        key.removeprefix("train/"): value
        for key, value in row.items()
        if key.startswith("train/") and not key.startswith(EPISODES) and key != ENTROPY_LOSS
    }
    found |= {name: row[key] for key, name in KEYS.items() if key in row and not math.isnan(row[key])}
    if ENTROPY_LOSS in row:
        found["entropy"] = -row[ENTROPY_LOSS]
    return found
