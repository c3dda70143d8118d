"""What callbacks remember, kept under keys of their own: renaming a class loses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from stable_baselines3.common.callbacks import BaseCallback


@runtime_checkable
class Stateful(Protocol):
    """A callback whose state is part of a checkpoint.

    ``state_key`` is a class attribute, unique among the callbacks of a session: a checkpoint keeps what
    ``snapshot()`` returned under it. It belongs to the format of checkpoints, so it stays as it is when the
    class gets another name. ``restore`` is called before training starts, when the callback has no model.
    """

    state_key: str

    def snapshot(self) -> Mapping[str, Any]: ...
    def restore(self, snapshot: Mapping[str, Any]) -> None: ...


def callbacks_by_key(callbacks: Iterable[BaseCallback]) -> dict[str, Stateful]:
    """The callbacks that have a state, by their keys.

    Raises:
        ValueError: two have the same key, or one that has a snapshot has no key.
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
            raise ValueError(f"state_key {key!r} of {name} is that of {type(found[key]).__name__} already")
        found[key] = callback
    return found


def snapshots_of(callbacks: Iterable[BaseCallback]) -> dict[str, dict[str, Any]]:
    """The state of every callback that has one, by key. Raises ValueError as ``callbacks_by_key`` does."""
    return {key: dict(one.snapshot()) for key, one in callbacks_by_key(callbacks).items()}


def key_differences(saved: Iterable[str], callbacks: Iterable[str]) -> str | None:
    """Which keys of a checkpoint and of a session have no counterpart, in words; None when all have one."""
    saved, callbacks = set(saved), set(callbacks)
    parts = (("no state of", callbacks - saved), ("unknown state", saved - callbacks))
    named = (f"{what} {', '.join(map(repr, sorted(keys)))}" for what, keys in parts if keys)
    return ", ".join(named) or None


def restore_callbacks(saved: Mapping[str, Mapping[str, Any]], callbacks: Mapping[str, Stateful]) -> None:
    """Put callbacks back to where they were when ``snapshots_of`` made ``saved``; one that has no state there
    stays as it is. Raises what DAMAGE of training.checkpoints.training_state names."""
    for key, callback in callbacks.items():
        if key in saved:
            callback.restore(saved[key])
