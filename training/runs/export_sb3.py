"""The implementation of export_sb3.py: a checkpoint as a plain stable_baselines3.PPO."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import gymnasium
import stable_baselines3
from gymnasium import spaces
from stable_baselines3 import PPO

import training.policies
import training.runs.buffer_on_demand
from envs.errors import UserError
from envs.files import write_atomically
from envs.red_env import RedEnv
from training.checkpoints.random_state import random_state, restore_random_state
from training.checkpoints.writing import apply_training_state
from training.config.loading import load_config
from training.config.schema import TrainConfig
from training.environments.local import observations_of
from training.policies.registry import policy_class
from training.runs.buffer_on_demand import BufferOnDemand
from training.runs.lookup import run_checkpoint

OURS = (training.policies, training.runs.buffer_on_demand)
"""Packages and modules whose code a zip contains, so that it loads where this project is not installed."""


class _Spaces(gymnasium.Env[Any, Any]):
    """Spaces without a game, which is all that the construction of a model needs."""

    def __init__(self, observations: spaces.Dict) -> None:
        self.observation_space, self.action_space = observations, RedEnv.actions()


def check_path(path: Path, flag: str = "--out") -> None:
    """Raise UserError if ``path`` does not end in .zip or its folder does not exist."""
    if path.suffix != ".zip":
        raise UserError(f"{flag} {path} must end in .zip")
    if not path.parent.is_dir():
        raise UserError(f"{flag} {path}: there is no folder {path.parent}")


def export_sb3(run: Path, checkpoint: str | None, path: Path) -> str:
    """Write the run's ``checkpoint`` (None: the newest) to ``path``. Returns a line that describes it.

    Raises:
        UserError: the run or the checkpoint is wrong, or the file cannot be written.
    """
    config = load_config(run / "config.json")
    found = run_checkpoint(run, checkpoint)
    before = random_state()
    try:
        model = _plain_model(config, found.steps)
        apply_training_state(found, model)
    finally:
        restore_random_state(before)
    try:
        write_atomically(path, _zipped(model))
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
    version = stable_baselines3.__version__
    return f"{path}: {run.name}, {found.steps:,} steps, for stable_baselines3.PPO.load (made with {version})"


def _zipped(model: PPO) -> bytes:
    """Return the model's zip, with the code of OURS in it."""
    buffer = io.BytesIO()
    packed = [*OURS, *_module_of_own_network(model)]
    for module in packed:
        cloudpickle.register_pickle_by_value(module)
    try:
        model.save(buffer)
    finally:
        for module in packed:
            cloudpickle.unregister_pickle_by_value(module)
    return buffer.getvalue()


def _module_of_own_network(model: PPO) -> list[ModuleType]:
    """Return the module of the policy's network if that is a class of the user's."""
    name = type(model.policy.features_extractor).__module__
    return [] if name.startswith(f"{training.policies.__name__}.") else [sys.modules[name]]


def _plain_model(config: TrainConfig, steps: int) -> PPO:
    """Build stable-baselines3's own PPO with the run's network and its settings at ``steps``, on the CPU."""
    now = {name: float(curve(steps)) for name, curve in config.schedules().items()}
    space = observations_of(config).space
    policy = policy_class(config, space)
    return PPO(
        policy.kind,
        _Spaces(space),
        learning_rate=now["learning_rate"],
        clip_range=now["clip_range"],
        ent_coef=now["ent_coef"],
        n_steps=config.n_steps,
        rollout_buffer_class=BufferOnDemand,
        batch_size=config.batch_size,
        n_epochs=config.n_epochs,
        gamma=now["gamma"],
        gae_lambda=now["gae_lambda"],
        clip_range_vf=now.get("clip_range_vf"),
        target_kl=config.target_kl,
        normalize_advantage=config.normalize_advantage == "minibatch",
        vf_coef=config.vf_coef,
        max_grad_norm=config.max_grad_norm if config.truncate_grads else math.inf,
        policy_kwargs=policy.settings,
        device="cpu",
    )
