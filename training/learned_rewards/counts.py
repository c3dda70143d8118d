"""A reward for cells that were visited rarely: 1 / sqrt(N) for the N-th visit.

The bonus of MBIE-EB (Strehl and Littman 2008), used with hashed states by Tang et al. 2017 (#Exploration,
arXiv 1611.04717, equation 1). Its factor beta is the config's coefficient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.cells import NO_CELL
from training.config.sections.intrinsic import CountsConfig
from training.learned_rewards.count_table import CountTable
from training.learned_rewards.interface import RewardModel, Rollout, Scores, Setting

EPISODES = np.uint64(0xD1B54A32D192ED03)
ENVIRONMENTS = np.uint64(0x8CB92BA72F3D8DD7)
"""Odd numbers that keep the cells of different episodes and environments apart (Steele and Vigna 2021)."""


class Counts(RewardModel):
    """Counts visits over the run, or anew in each episode: ``config.over``.

    A visit earlier in the same rollout counts too: first by step, then by environment.
    """

    def __init__(self, config: CountsConfig, setting: Setting) -> None:
        self._by_episode = config.over == "episode"
        self._table = CountTable(config.capacity)
        self._episodes = np.zeros(setting.n_envs, np.int64)
        """Episodes that began so far in each environment."""

    def score(self, rollout: Rollout) -> Scores:
        """See RewardModel. Steps without a cell get 0."""
        keys, counted = self._keys(rollout), _counted(rollout)
        scores = np.zeros(rollout.shape, np.float32)
        cells = keys[counted]
        scores[counted] = 1 / np.sqrt(self._table.counts(cells) + _visits_within(cells))
        return scores

    def update(self, rollout: Rollout) -> dict[str, float]:
        """Count the rollout's visits. See RewardModel."""
        keys, counted = self._keys(rollout), _counted(rollout)
        new = self._table.add(keys[counted])
        self._episodes += rollout.episode_starts.sum(axis=0)
        return {
            "new_cells": float(new),
            "cells": float(len(self._table)),
            "forgotten_cells": float(self._table.forgotten),
        }

    def _keys(self, rollout: Rollout) -> NDArray[np.uint64]:
        """Return the key of each step in the table, (n_steps, n_envs)."""
        if not self._by_episode:
            return rollout.cells
        episodes = (self._episodes + rollout.episode_starts.cumsum(axis=0)).astype(np.uint64)
        environments = np.arange(rollout.shape[1], dtype=np.uint64)
        keys: NDArray[np.uint64] = rollout.cells ^ episodes * EPISODES ^ environments * ENVIRONMENTS
        return keys

    def state(self) -> dict[str, Any]:
        """See RewardModel."""
        return {"table": self._table.state(), "episodes": self._episodes.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See RewardModel."""
        episodes = np.array(state["episodes"], np.int64)
        if episodes.shape != self._episodes.shape:
            raise ValueError(f"counts of {len(episodes)} environments, not {len(self._episodes)}")
        self._table.restore(state["table"])
        self._episodes = episodes


def _counted(rollout: Rollout) -> NDArray[np.bool_]:
    counted: NDArray[np.bool_] = rollout.valid & (rollout.cells != NO_CELL)
    return counted


def _visits_within(cells: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each entry how often its cell has come up to it, itself included, (n,)."""
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(cells)])
    lengths = np.diff(np.append(begins, len(cells)))
    visits = np.empty(len(cells), np.int64)
    visits[order] = np.arange(1, len(cells) + 1) - np.repeat(begins, lengths)
    return visits
