"""Loads a checkpoint's weights and training state into a model, after checking that they fit."""

from __future__ import annotations

from typing import Any

import torch
from stable_baselines3 import PPO

from training.checkpoints.random_state import check_random_state
from training.checkpoints.reading import Checkpoint, CheckpointError
from training.checkpoints.spaces_schema import schema_differences, spaces_schema
from training.checkpoints.training_state import DAMAGE

NEVER_NEGATIVE = (".variance", ".count")
"""Ends of the names of running statistics (``training.policies.running_moments``)."""


def policy_tensors(model: PPO) -> dict[str, torch.Tensor]:
    """Return the policy's weights, each once: ``state_dict`` lists weights shared by its heads repeatedly."""
    unique: dict[int, str] = {}
    state = model.policy.state_dict(keep_vars=True)
    for name, tensor in state.items():
        unique.setdefault(id(tensor), name)
    return {name: state[name] for name in unique.values()}


def check_spaces(checkpoint: Checkpoint, observation_space: Any, action_space: Any) -> None:
    """Raise CheckpointError with the differences when the checkpoint was made for other spaces."""
    here = spaces_schema(observation_space, action_space)
    differences = schema_differences(checkpoint.trainer["spaces"], here)
    if differences:
        raise CheckpointError(f"checkpoint {checkpoint.folder} was made for other spaces: {differences}")


def apply_weights(checkpoint: Checkpoint, model: PPO) -> None:
    """Load the checkpoint's weights into ``model``. Its optimizer and step count do not change.

    Raises:
        CheckpointError: spaces or network differ, or a number is not finite; the model is unchanged.
    """
    check_spaces(checkpoint, model.observation_space, model.action_space)
    _check_network(checkpoint, model)
    model.policy.load_state_dict(dict(checkpoint.policy), strict=False)  # the names were compared


def _check_network(checkpoint: Checkpoint, model: PPO) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in policy_tensors(model).items()}
    found = {name: tuple(tensor.shape) for name, tensor in checkpoint.policy.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise CheckpointError(
                f"checkpoint {checkpoint.folder} has another network: {name} is"
                f" {found.get(name, 'absent')}, this config needs {wanted.get(name, 'none')}"
            )
    for name, tensor in checkpoint.policy.items():
        at_least_0 = name.endswith(NEVER_NEGATIVE)
        if not tensor.isfinite().all() or (at_least_0 and (tensor < 0).any()):
            needed = "finite and at least 0" if at_least_0 else "finite"
            raise CheckpointError(
                f"checkpoint {checkpoint.folder}: {name} holds a number that is not {needed}"
            )


def apply_training_state(checkpoint: Checkpoint, model: PPO) -> None:
    """Load weights, optimizer state, and counts of steps and updates into ``model``.

    The state of random generators is only checked. Restore it once nothing else draws from them.

    Raises:
        CheckpointError: spaces, network or optimizer differ, or the random state is damaged.
    """
    apply_weights(checkpoint, model)
    optimizer = model.policy.optimizer
    try:
        state = {"state": _moments(checkpoint, optimizer), "param_groups": _groups(checkpoint, optimizer)}
        optimizer.load_state_dict(state)
        check_random_state(checkpoint.trainer["random"])
    except (*DAMAGE, RuntimeError) as error:
        raise CheckpointError(
            f"checkpoint {checkpoint.folder}: training state is damaged ({error})"
        ) from error
    model.num_timesteps = checkpoint.steps
    model._n_updates = checkpoint.trainer["updates"]


def _moments(checkpoint: Checkpoint, optimizer: torch.optim.Optimizer) -> dict[int, dict[str, torch.Tensor]]:
    """Return the optimizer's state for each parameter index. Raises KeyError or ValueError."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in checkpoint.optimizer.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = tensor
    parameters = dict(enumerate(p for group in optimizer.param_groups for p in group["params"]))
    for index, moments in state.items():
        like = parameters[index]
        wanted = {"step": (), "exp_avg": tuple(like.shape), "exp_avg_sq": tuple(like.shape)}
        found = {name: tuple(tensor.shape) for name, tensor in moments.items()}
        if found != wanted or any(tensor.dtype != like.dtype for tensor in moments.values()):
            raise ValueError(f"the moments of parameter {index} are {found}, must be {wanted}")
    return state


def _groups(checkpoint: Checkpoint, optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Return the optimizer's own groups with the checkpoint's learning rates; other options stay its own.

    Raises KeyError, TypeError or ValueError.
    """
    groups: list[dict[str, Any]] = optimizer.state_dict()["param_groups"]
    for own, kept in zip(groups, checkpoint.trainer["optimizer_groups"], strict=True):
        if own["params"] != kept["params"]:
            raise ValueError("its parameter groups differ")
        own["lr"] = float(kept["lr"])
    return groups
