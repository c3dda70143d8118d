"""Demonstrations that walk east on a map and then enter the next one, and agents that wander."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.observations import Observations
from training.config.sections.imitation_rewards import AmpConfig, NearConfig
from training.learned_rewards.interface import Demonstrated, Rollout, Setting

ENVS = 2
SPACE = Observations(["place", "progress", "screen"]).space
AMP = AmpConfig(demonstrations="walks", amp_batch_size=128, amp_minibatch_size=64, disc_learning_rate=1e-2)
NEAR = NearConfig(demonstrations="walks", n_iters=300, batch_size=64)
Bytes = NDArray[np.uint8]


def setting(seed: int = 0, envs: int = ENVS) -> Setting:
    """The setting of a model that sees place, progress and the screen."""
    assert isinstance(SPACE, spaces.Dict)
    return Setting(SPACE, envs, seed)


def observed(x: NDArray[np.int64], y: NDArray[np.int64]) -> dict[str, Bytes]:
    """Observations of players at x and y (any shape): 64 columns to a map, and y from 0 to 255."""
    place = np.zeros((*x.shape, *SPACE["place"].shape), np.uint8)  # type: ignore[misc]
    place[..., 0], place[..., 2], place[..., 3] = 12 + x // 64, 4 * (x % 64), y
    place[..., 4:6] = 10
    blank = {name: np.zeros((*x.shape, *SPACE[name].shape), np.uint8) for name in ("progress", "screen")}  # type: ignore[misc]
    return {"place": place, **blank}


def demonstrated(episodes: int = 6, steps: int = 80, held_out: int = 1) -> Demonstrated:
    """Walks east from different rows; the last ``held_out`` episodes are held out, and step 5 is random."""
    x = np.concatenate([np.arange(steps)] * episodes)
    y = np.repeat(100 + np.arange(episodes), steps)
    ends = np.zeros(len(x), np.bool_)
    ends[steps - 1 :: steps] = True
    index = np.flatnonzero(np.arange(len(x)) % steps != 5)
    apart = index >= (episodes - held_out) * steps
    return Demonstrated(observed(x, y), ends, index[~apart], index[apart])


def rollout(seed: int, steps: int = 40, envs: int = ENVS, east: float = 0.0) -> Rollout:
    """Agents that wander, or walk east with the probability ``east``; an episode ends in the middle."""
    chance = np.random.default_rng(seed)
    moves = chance.integers(-1, 2, (2, steps + 1, envs))
    moves[0][chance.random((steps + 1, envs)) < east] = 1
    x, y = (moves.cumsum(axis=1) + np.array([20, 103])[:, None, None]).clip(0, 120)
    seen = observed(x, y)
    starts = np.zeros((steps, envs), np.bool_)
    starts[0], starts[steps // 2, 0] = True, True
    return Rollout(
        observations={name: array[:-1] for name, array in seen.items()},
        last={name: array[-1] for name, array in seen.items()},
        actions=np.zeros((steps, envs), np.int64),
        episode_starts=starts,
        dones=np.zeros(envs, np.bool_),
        cells=np.zeros((steps, envs), np.uint64),
        valid=np.ones((steps, envs), np.bool_),
    )
