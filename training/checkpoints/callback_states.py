"""State of callbacks in checkpoints, under keys that do not depend on class names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from stable_baselines3.common.callbacks import BaseCallback


@runtime_checkable
class Stateful(Protocol):
    """A callback whose state is part of a checkpoint.

    ``state_key`` is a class attribute, unique among the callbacks of a session. A checkpoint stores the
    result of ``snapshot()`` under it. It is part of the checkpoint format: keep it when the class is renamed.
    ``restore`` is called before training starts, when the callback has no model.
    """

    state_key: str

    def snapshot(self) -> Mapping[str, Any]: ...
    def restore(self, snapshot: Mapping[str, Any]) -> None: ...


def callbacks_by_key(callbacks: Iterable[BaseCallback]) -> dict[str, Stateful]:
    """Return the callbacks that have a state, by key.

    Raises:
        ValueError: two have the same key, or one has a ``snapshot`` but no key or no ``restore``.
    """
    found: dict[str, Stateful] = {}
    for callback in callbacks:
        if not hasattr(callback, "snapshot"):
            continue
        name = type(callback).__name__
        if not isinstance(callback, Stateful):
            raise ValueError(f"{name} has a snapshot, but no state_key or no restore: it would be lost")
        key = callback.state_key
        if key in found:
            raise ValueError(f"state_key {key!r} of {name} is already used by {type(found[key]).__name__}")
        found[key] = callback
    return found


def snapshots_of(callbacks: Iterable[BaseCallback]) -> dict[str, dict[str, Any]]:
    """Return the state of every callback that has one, by key. Raises as ``callbacks_by_key`` does."""
    return {key: dict(one.snapshot()) for key, one in callbacks_by_key(callbacks).items()}


def key_differences(saved: Iterable[str], callbacks: Iterable[str]) -> str | None:
    """Describe the keys that only the checkpoint or only the session has. Returns None when all match."""
    saved, callbacks = set(saved), set(callbacks)
    parts = (("missing state", callbacks - saved), ("unknown state", saved - callbacks))
    named = (f"{what} {', '.join(map(repr, sorted(keys)))}" for what, keys in parts if keys)
    return ", ".join(named) or None


def restore_callbacks(saved: Mapping[str, Mapping[str, Any]], callbacks: Mapping[str, Stateful]) -> None:
    """Restore callbacks from ``saved``, the result of ``snapshots_of``; skip those without a state there.

    Raises the exceptions in ``training.checkpoints.training_state.DAMAGE``.
    """
    for key, callback in callbacks.items():
        if key in saved:
            callback.restore(saved[key])
