"""Play whole episodes on seeds that training never uses, with a policy or random buttons."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from training.config.schema import MAX_SEED

Choose = Callable[[dict[str, NDArray[np.uint8]], NDArray[np.bool_]], NDArray[np.int64]]
"""From observations, and which of them begin an episode, to actions."""
FIRST_EVALUATION_SEED = MAX_SEED + 1  # training draws its seeds below
SEEDS_APART = 4096  # environments count their seeds up from the first one
# Seed numbers from here on are for choices (the best checkpoint, when a curriculum moves on), so that
# reported figures come from seeds on which nothing was chosen. All lie below 2**32, numpy's limit.
CHOOSING = 2**18
SIDE_BY_SIDE = 8  # games of an evaluation on any machine, since each game draws its own seeds


class Interrupted(Exception):
    """A stop was requested before all episodes ended."""


@dataclass(frozen=True)
class PlayedEpisode:
    """One finished episode.

    ``stats`` are its ``episode_stats``, ``milestones`` the action that reached each milestone, ``seed`` its
    seed number, ``trajectory`` a hash of actions and stats ("": unknown), equal for repeats.
    """

    stats: Mapping[str, Any]
    milestones: Mapping[str, int]
    seed: int = 0
    trajectory: str = ""


def play_episodes(
    env: VecEnv, choose: Choose, episodes: int, seed: int, stopped: Callable[[], bool] = lambda: False
) -> list[PlayedEpisode]:
    """Play ``episodes`` whole episodes on ``env`` with held-out seed number ``seed`` (0, 1, ...).

    Each environment plays a fixed share, since taking whichever end first would favour short episodes. An
    episode lost with its worker is played again. Raises Interrupted as soon as ``stopped()`` is true; the
    environments stay usable.
    """
    env.seed(FIRST_EVALUATION_SEED + seed * SEEDS_APART)
    observations: Any = env.reset()
    shares = [len(range(index, episodes, env.num_envs)) for index in range(env.num_envs)]
    in_progress = [EpisodeInProgress(seed) for _ in shares]
    finished: list[PlayedEpisode] = []
    starts = np.ones(env.num_envs, np.bool_)
    while any(shares):
        if stopped():
            raise Interrupted
        actions = choose(observations, starts)
        observations, _, dones, infos = env.step(actions)
        starts = dones.copy()
        for index, info in enumerate(infos):
            in_progress[index].add(int(actions[index]), info)
            if dones[index]:
                if shares[index] and "episode_stats" in info:
                    shares[index] -= 1
                    finished.append(in_progress[index].finished(info["episode_stats"]))
                in_progress[index] = EpisodeInProgress(seed)
    return finished


class EpisodeInProgress:
    """An episode that is being played with seed number ``seed``."""

    def __init__(self, seed: int) -> None:
        self._seed, self._length = seed, 0
        self._milestones: dict[str, int] = {}
        self._actions = hashlib.sha256()

    def add(self, action: int, info: Mapping[str, Any]) -> None:
        """Count one step: the number of its action (0 to 65535) and its ``info``."""
        self._length += 1
        self._actions.update(action.to_bytes(2))
        for name in info.get("milestones", ()):
            self._milestones.setdefault(name, self._length)

    def finished(self, stats: Mapping[str, Any]) -> PlayedEpisode:
        """Return the episode, which ended with ``stats``."""
        self._actions.update(json.dumps(stats, sort_keys=True).encode())
        return PlayedEpisode(stats, self._milestones, self._seed, self._actions.hexdigest()[:16])
