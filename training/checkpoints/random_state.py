"""State of the random generators (Python, numpy, torch) as plain JSON values."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

WORDS = 624
"""Size of a Mersenne Twister's state in words."""


def random_state() -> dict[str, Any]:
    """Return the state of all generators that training uses in this process."""
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
    """Restore the result of ``random_state``.

    Raises KeyError, TypeError, ValueError or RuntimeError when it is damaged.
    """
    random.setstate(_python_state(state))
    np.random.set_state(_numpy_state(state))  # noqa: NPY002 - stable-baselines3 draws from it
    torch.set_rng_state(_bytes_tensor(state["torch"]))
    cuda = _cuda_states(state)
    if cuda:
        torch.cuda.set_rng_state_all(cuda)


def check_random_state(state: Mapping[str, Any]) -> None:
    """Raise as ``restore_random_state`` does when ``state`` is damaged, without changing any generator."""
    random.Random().setstate(_python_state(state))  # noqa: S311 - not for secrets
    np.random.RandomState().set_state(_numpy_state(state))
    torch.Generator().set_state(_bytes_tensor(state["torch"]))
    for device, kept in enumerate(_cuda_states(state)):
        torch.Generator(f"cuda:{device}").set_state(kept)


def _python_state(state: Mapping[str, Any]) -> tuple[Any, ...]:
    version, internal, gauss = state["python"]
    return version, tuple(internal), gauss


def _numpy_state(state: Mapping[str, Any]) -> tuple[str, NDArray[np.uint32], int, int, float]:
    saved = state["numpy"]
    key, position = np.array(saved["key"], dtype=np.uint32), int(saved["pos"])
    if key.shape != (WORDS,) or not 0 <= position <= WORDS:
        # numpy does not check the position, and would read outside the array.
        raise ValueError(f"numpy state of shape {key.shape} at position {position}")
    return "MT19937", key, position, int(saved["has_gauss"]), float(saved["gauss"])


def _cuda_states(state: Mapping[str, Any]) -> list[torch.Tensor]:
    """Return one state per device, or none when the number of devices differs."""
    cuda = [_bytes_tensor(text) for text in state.get("cuda", [])]
    return cuda if torch.cuda.is_available() and len(cuda) == torch.cuda.device_count() else []


def _bytes_tensor(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)
