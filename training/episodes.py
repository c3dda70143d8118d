"""Whole episodes played by a policy, and what they say: rates with intervals, medians, means."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from training.config import MAX_SEED

Choose = Callable[[dict[str, NDArray[np.uint8]]], NDArray[np.int64]]
FIRST_EVALUATION_SEED = MAX_SEED + 1  # training draws its seeds below
SEEDS_APART = 4096  # environments count their seeds up from the first one
SIDE_BY_SIDE = 8  # games of an evaluation; no matter what machine, as each game draws its own seeds
Z_95 = 1.959964  # two-sided 95 % quantile of the normal distribution
MEANS = (
    "return",
    "length",
    "battles_started",
    "battles_won",
    "badges_earned",
    "levels_gained",
    "map_progress",
)


@dataclass(frozen=True)
class Episode:
    """One finished episode: its ``episode_stats``, and the action on which each milestone fell."""

    stats: Mapping[str, Any]
    milestones: Mapping[str, int]


def play_episodes(env: VecEnv, choose: Choose, episodes: int, seed: int) -> list[Episode]:
    """Play ``episodes`` whole episodes on ``env`` with seed number ``seed`` (0, 1, ...) of those held apart.

    Each environment plays its fixed share: taking whichever end first would favour short episodes.
    """
    env.seed(FIRST_EVALUATION_SEED + seed * SEEDS_APART)
    observations: Any = env.reset()
    shares = [len(range(index, episodes, env.num_envs)) for index in range(env.num_envs)]
    lengths = [0] * env.num_envs
    milestones: list[dict[str, int]] = [{} for _ in shares]
    finished: list[Episode] = []
    while any(shares):
        observations, _, dones, infos = env.step(choose(observations))
        for index, info in enumerate(infos):
            lengths[index] += 1
            for name in info.get("milestones", ()):
                milestones[index].setdefault(name, lengths[index])
            if dones[index]:
                if shares[index]:
                    shares[index] -= 1
                    finished.append(Episode(info["episode_stats"], milestones[index]))
                lengths[index], milestones[index] = 0, {}
    return finished


def policy_choice(model: PPO, greedy: bool) -> Choose:
    """Actions of the model: drawn from its policy, or its likeliest when ``greedy``."""

    def choose(observations: dict[str, NDArray[np.uint8]]) -> NDArray[np.int64]:
        actions, _ = model.predict(observations, deterministic=greedy)
        return actions

    return choose


def random_choice(env: VecEnv, seed: int) -> Choose:
    """Uniformly random actions."""
    generator = np.random.default_rng(FIRST_EVALUATION_SEED + seed)
    kinds = int(env.action_space.n)  # type: ignore[attr-defined]
    return lambda _: generator.integers(0, kinds, size=env.num_envs)


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a rate: (low, high), each 0..1; (0, 1) without trials.

    Wilson, E. B. (1927), Journal of the American Statistical Association 22, 209-212.
    """
    if trials == 0:
        return 0.0, 1.0
    rate, z2 = hits / trials, Z_95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == trials else min(1.0, centre + half)
    return low, high


def summarise(episodes: Sequence[Episode], milestone_names: Sequence[str]) -> dict[str, Any]:
    """Means with standard deviations, and for each milestone its reach rate and median action, as JSON."""
    summary: dict[str, Any] = {"episodes": len(episodes)}
    for name in MEANS:
        values = [float(episode.stats[name]) for episode in episodes]
        summary[f"{name}_mean"] = statistics.fmean(values)
        summary[f"{name}_std"] = statistics.stdev(values) if len(values) > 1 else 0.0
    summary["success_rate"] = statistics.fmean(float(episode.stats["success"]) for episode in episodes)
    writes = sum(sum(episode.stats.get("interventions", {}).values()) for episode in episodes)
    if writes:  # memory was written from outside: not the same experiment
        summary["interventions"] = writes
    summary["milestones"] = {name: _reach(episodes, name) for name in milestone_names}
    return summary


def _reach(episodes: Sequence[Episode], name: str) -> dict[str, Any]:
    actions = [episode.milestones[name] for episode in episodes if name in episode.milestones]
    low, high = wilson(len(actions), len(episodes))
    return {
        "reached": len(actions),
        "rate": len(actions) / len(episodes),
        "low": low,
        "high": high,
        "median_actions": statistics.median(actions) if actions else None,
    }
