"""The state of the random generators (Python, numpy, torch) as plain JSON values."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

WORDS = 624
"""Words of a Mersenne Twister's state."""


def random_state() -> dict[str, Any]:
    """The state of every generator that training in this process draws from."""
    version, internal, gauss = random.getstate()
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002 - stable-baselines3 draws from it
    numpy_state: Any = legacy["state"]
    state: dict[str, Any] = {
        "python": [version, list(internal), gauss],
        "numpy": {
            "key": numpy_state["key"].tolist(),
            "pos": int(numpy_state["pos"]),
            "has_gauss": int(legacy["has_gauss"]),
            "gauss": float(legacy["gauss"]),
        },
        "torch": torch.get_rng_state().numpy().tobytes().hex(),
    }
    if torch.cuda.is_available():
        state["cuda"] = [s.numpy().tobytes().hex() for s in torch.cuda.get_rng_state_all()]
    return state


def restore_random_state(state: Mapping[str, Any]) -> None:
    """Put back what ``random_state`` gave; KeyError, TypeError, ValueError or RuntimeError when damaged."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    saved = state["numpy"]
    key, position = np.array(saved["key"], dtype=np.uint32), int(saved["pos"])
    if key.shape != (WORDS,) or not 0 <= position <= WORDS:
        # numpy takes any position and reads there, whatever memory that is.
        raise ValueError(f"a state of {key.shape} words at position {position}")
    np.random.set_state(  # noqa: NPY002 - stable-baselines3 draws from it
        ("MT19937", key, position, int(saved["has_gauss"]), float(saved["gauss"]))
    )
    torch.set_rng_state(_bytes_tensor(state["torch"]))
    cuda = [_bytes_tensor(text) for text in state.get("cuda", [])]
    if torch.cuda.is_available() and len(cuda) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(cuda)


def _bytes_tensor(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)
