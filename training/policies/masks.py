"""Masked actions: their part among the observations, and logits without them.

Exported zips carry this package along, so it must not import the rest of the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

ACTION_MASK = "action_mask"
"""The observation with the actions that may be chosen, as ``envs.observation_names`` calls it."""
MASKED_LOGIT = -1e8
"""Logit of a masked action (Huang and Ontanon 2020): its probability is exactly 0 in float32."""
Array = TypeVar("Array")


def visible(space: spaces.Dict) -> spaces.Dict:
    """Return the observations that networks see: all but the mask."""
    if ACTION_MASK not in space.spaces:
        return space
    return spaces.Dict(_others(space.spaces))


def without_mask(observations: Mapping[str, Array]) -> tuple[dict[str, Array], Array | None]:
    """Return the other observations, and the mask if there is one."""
    return _others(observations), observations.get(ACTION_MASK)


def _others(parts: Mapping[str, Array]) -> dict[str, Array]:
    return {name: part for name, part in parts.items() if name != ACTION_MASK}


def masked(logits: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Return logits (n, actions) in which those where ``mask`` is 0 are MASKED_LOGIT."""
    return logits if mask is None else torch.where(mask > 0, logits, MASKED_LOGIT)


def masked_array(logits: NDArray[np.float32], mask: NDArray[Any] | None) -> NDArray[np.float32]:
    """Do the same with arrays."""
    return logits if mask is None else np.where(mask, logits, np.float32(MASKED_LOGIT))
