"""State of torch modules and Adam as plain arrays, for checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from training.learned_rewards.running_moments import fitting

MOMENTS = ("exp_avg", "exp_avg_sq")


def module_state(module: nn.Module) -> dict[str, Any]:
    """Return copies of the module's weights by name."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in module.state_dict().items()}


def restore_module(module: nn.Module, state: Mapping[str, Any]) -> None:
    """Load a ``module_state``. Raises ValueError or KeyError if it does not fit."""
    own = module.state_dict()
    if own.keys() != state.keys():
        raise ValueError(f"weights {sorted(state)}, must be {sorted(own)}")
    module.load_state_dict(
        {
            name: torch.from_numpy(fitting(state[name], tensor.cpu().numpy(), name))
            for name, tensor in own.items()
        }
    )


def optimizer_state(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Return the number of steps and copies of the moments of each parameter, or an empty list before the
    first step."""
    states = optimizer.state_dict()["state"]
    return [
        {
            "step": int(states[index]["step"]),
            **{name: states[index][name].cpu().numpy().copy() for name in MOMENTS},
        }
        for index in sorted(states)
    ]


def restore_optimizer(optimizer: torch.optim.Optimizer, state: list[Mapping[str, Any]]) -> None:
    """Load an ``optimizer_state``. Raises ValueError, KeyError or TypeError if it does not fit."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if state and len(state) != len(parameters):
        raise ValueError(f"moments of {len(state)} parameters, not {len(parameters)}")
    moments = {
        index: {
            "step": torch.tensor(float(kept["step"])),
            **{
                name: torch.from_numpy(fitting(kept[name], parameter.detach().cpu().numpy(), name))
                for name in MOMENTS
            },
        }
        for index, (kept, parameter) in enumerate(zip(state, parameters, strict=False))
    }
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
