"""State of a run between two rollouts: what an exact resume needs besides weights and optimizer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from envs.errors import UserError
from envs.game_boy.emulator import VERSION
from training.checkpoints.callback_states import snapshots_of
from training.checkpoints.random_state import random_state
from training.environments.monitor import GroupVecMonitor

DAMAGE = (UserError, ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)
"""Exceptions that restoring a damaged or crafted snapshot can raise."""


@dataclass(frozen=True)
class TrainingState:
    """Counts, random generators, and ``state``: a tree of plain values, bytes and arrays.

    ``state["callbacks"]`` holds the state of callbacks by key. Between two rollouts ``state`` also has
    "machine", "environments" and "episodes", and "memory" if the policy has one. It is None in checkpoints
    that only provide weights.
    """

    steps: int
    updates: int
    random: Mapping[str, Any]
    state: Mapping[str, Any] | None


def counts_of(model: PPO) -> TrainingState:
    """Return only the counts and random generators."""
    return TrainingState(model.num_timesteps, model._n_updates, random_state(), None)


def state_without_environments(model: PPO, callbacks: Iterable[BaseCallback]) -> TrainingState:
    """Return everything except environments, which may be in the middle of a step. Changes nothing."""
    return replace(counts_of(model), state={"callbacks": snapshots_of(callbacks)})


def training_state_of(model: PPO, callbacks: Iterable[BaseCallback], rom_sha1: str) -> TrainingState:
    """Return the complete state. No step may be in progress. Changes nothing."""
    env = model.env
    assert isinstance(env, GroupVecMonitor)
    state = {
        "machine": _machine(rom_sha1),
        "environments": env.snapshot(),
        "episodes": [{"r": float(e["r"]), "l": int(e["l"]), "t": e["t"]} for e in model.ep_info_buffer or ()],
        "callbacks": snapshots_of(callbacks),
    }
    memory = getattr(model, "memory", None)
    if memory is not None:
        state["memory"] = memory.snapshot()
    return replace(counts_of(model), state=state)


def _machine(rom_sha1: str) -> dict[str, str]:
    return {"emulator": VERSION, "rom_sha1": rom_sha1}


def misfit(state: Mapping[str, Any], num_envs: int, rom_sha1: str) -> str | None:
    """Return why environments cannot continue from ``state``, or None when they can. Raises DAMAGE."""
    if "environments" not in state:
        return "the checkpoint holds no environments"
    saved, here = state["machine"], _machine(rom_sha1)
    for name, value in here.items():
        if saved[name] != value:
            return f"its {name} was {saved[name]}, here it is {value}"
    count = len(state["environments"]["emulators"]["environments"])
    return None if count == num_envs else f"it had {count} environments, now there are {num_envs}"


def restore_environments(state: Mapping[str, Any], model: PPO) -> None:
    """Restore the environments and the model's information about them. Raises DAMAGE."""
    env = model.env
    assert isinstance(env, GroupVecMonitor)
    observations, begins = env.restore(state["environments"])
    model._last_obs, model._last_episode_starts = observations, begins
    # The monitor's types: a mean over float32 differs from one over float64 in its last bits.
    episodes = [
        {"r": np.float32(e["r"]), "l": np.int32(e["l"]), "t": float(e["t"])} for e in state["episodes"]
    ]
    model.ep_info_buffer = deque(episodes, maxlen=model._stats_window_size)
    memory = getattr(model, "memory", None)
    if memory is not None:
        memory.restore(state["memory"])
    model.ep_success_buffer = deque(maxlen=model._stats_window_size)
