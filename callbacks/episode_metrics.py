"""Metrics of finished episodes, as means over the last hundred."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from envs.reward_components import COMPONENTS

Episode = Mapping[str, Any]
MEANS = {
    "train/episode_return_mean": "return",
    "train/episode_length_mean": "length",
    "train/episode_battles_started_mean": "battles_started",
    "train/episode_battles_won_mean": "battles_won",
    "train/episode_steps_to_first_battle": "steps_to_first_battle",  # over the episodes that had a battle
    "train/episode_badges_earned_mean": "badges_earned",
    "train/episode_levels_gained_mean": "levels_gained",
    "train/success_rate": "success",
    "env_stats/coord_count": "coord_count",
}
MAP_PROGRESS = "train/episode_map_progress_max"
WIN_RATE = "battle_stats/win_rate_mean"
INTERVENTIONS = "env_stats/interventions_mean"
IMPLAUSIBLE = "env_stats/implausible"
KEYS = (
    *MEANS,
    *(f"reward_components/{name}" for name in COMPONENTS),
    MAP_PROGRESS,
    WIN_RATE,
    INTERVENTIONS,
    IMPLAUSIBLE,
)
"""Every recorded key, independent of the episodes."""
MONITORED = ("rollout/ep_rew_mean", "rollout/ep_len_mean")
"""stable-baselines3's own keys, which it omits until an episode has ended."""


def mean_of(episodes: Sequence[Episode], value: Callable[[Episode], float | None]) -> float | None:
    """Return the mean of ``value`` over the episodes where it is not None, or None without any."""
    numbers = [float(v) for v in map(value, episodes) if v is not None]
    return sum(numbers) / len(numbers) if numbers else None


def record_mean(logger: Logger, key: str, value: float | None) -> None:
    """Record ``value``; without one NaN, which is not written to TensorBoard: it has no place in a curve."""
    if value is None:
        logger.record(key, math.nan, exclude="tensorboard")
    else:
        logger.record(key, value)


def win_rate(episodes: Sequence[Episode]) -> float | None:
    """Return battles won over battles ended in any way, or None when no battle ended."""
    won = sum(e["battles_won"] for e in episodes)
    ended = won + sum(e["battles_lost"] + e["battles_escaped"] for e in episodes)
    return won / ended if ended else None


def writes(episode: Episode) -> int:
    """Return how often the harness wrote to the game's memory."""
    return sum(episode.get("interventions", {}).values())


def summarise(episodes: Sequence[Episode]) -> dict[str, float]:
    """Return TensorBoard key -> value over ``episodes`` (``info["episode_stats"]`` of each).

    Keys without data are omitted.
    """
    found = {key: mean_of(episodes, itemgetter(name)) for key, name in MEANS.items()}
    sums = [episode["reward_components"] for episode in episodes]
    found |= {f"reward_components/{name}": mean_of(sums, itemgetter(name)) for name in COMPONENTS}
    found[MAP_PROGRESS] = max((float(e["map_progress"]) for e in episodes), default=None)
    found[WIN_RATE] = win_rate(episodes)
    found[INTERVENTIONS] = mean_of(episodes, writes)
    found[IMPLAUSIBLE] = mean_of(episodes, lambda episode: episode.get("implausible", 0))
    return {key: value for key, value in found.items() if value is not None}


class EpisodeMetrics(BaseCallback):
    """Records KEYS over the last ``window`` finished episodes before every log dump.

    A key without data is NaN in the logger, and has no point in TensorBoard. The same holds for MONITORED
    until an episode has ended. ``episodes`` and ``battles`` count all finished episodes and the battles
    started in them.
    """

    state_key = "episode_metrics"

    def __init__(self, window: int = 100) -> None:
        super().__init__()
        self.recent: deque[Episode] = deque(maxlen=window)
        self.episodes = 0
        self.battles = 0

    def snapshot(self) -> dict[str, Any]:
        """Return the window and the counts, as JSON values."""
        return {"recent": list(self.recent), "episodes": self.episodes, "battles": self.battles}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Restore a ``snapshot()``."""
        self.recent.clear()
        self.recent.extend(snapshot["recent"])
        self.episodes, self.battles = snapshot["episodes"], snapshot["battles"]

    def _on_step(self) -> bool:
        for info in self.locals["infos"]:
            stats = info.get("episode_stats")
            if stats is not None:
                self.recent.append(stats)
                self.episodes += 1
                self.battles += stats["battles_started"]
        return True

    def _on_rollout_end(self) -> None:
        found = summarise(self.recent)
        for key in KEYS:
            record_mean(self.logger, key, found.get(key))
        if not self.model.ep_info_buffer:
            for key in MONITORED:
                record_mean(self.logger, key, None)
