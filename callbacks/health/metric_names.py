"""From the keys of a log, as stable-baselines3 and the callbacks here name them, to the metrics of health."""

from __future__ import annotations

import math
from collections.abc import Mapping

ENTROPY_LOSS = "train/entropy_loss"
KEYS = {
    "perf/env_steps_per_s": "steps_per_second",
    "perf/rss_mb": "memory",
    "health/farm_alarm": "farm_alarm",
    "rollout/ep_rew_mean": "episode_return",
    "train/episode_return_mean": "episode_return",  # after the one above, so that this one wins
    "train/episode_battles_started_mean": "battles_started",
}
EPISODES = ("train/episode_", "train/success_rate")
"""Beginnings of keys that are no part of an update, and NaN until an episode that says something of them has
ended."""
UPDATE_KEYS = ("train/approx_kl", "train/loss", "train/value_loss", ENTROPY_LOSS)
"""At least one of these is in the log when an update is."""


def is_update(keys: Mapping[str, object]) -> bool:
    """Whether a row of a log holds what an update measured."""
    return any(key in keys for key in UPDATE_KEYS)


def measured(row: Mapping[str, float]) -> dict[str, float]:
    """The metrics in one row of a log: those of KEYS by their names here, the entropy (nats, as
    stable-baselines3 writes its negative), everything else of an update by the rest of its key.

    What is NaN among KEYS is left out: no episode has ended yet.
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
