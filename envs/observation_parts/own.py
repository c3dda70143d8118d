"""Observations of the user's own, from their Python files or importable modules.

An observation is a class without constructor arguments. It has ``size``, the number of its values, optionally
``high``, their maximum (255 if left out), optionally ``reset(state)``, called at the start of an episode, and
``__call__(state)``, which returns the values of a moment, whole numbers from 0 to ``high``. See
docs/observations.md.
"""

from __future__ import annotations

from typing import Any

from envs.errors import UserError
from envs.observation_parts.base import Picture, VectorPart
from envs.ram import GameState
from envs.user_classes import UserClass

KIND = "observation"
MOST_VALUES = 4096


def is_own(name: str) -> bool:
    """Whether a name of a config is that of a class: FILE.py:CLASS or MODULE:CLASS."""
    return ":" in name


class OwnPart(VectorPart):
    """An observation of the user's, whose results and errors are checked.

    Raises UserError if the file, module or class is missing or raises, or the class is no observation.
    """

    source = "the user's class"

    def __init__(self, spec: str) -> None:
        self._class = UserClass(KIND, spec)
        self.name = self._class.name
        self._made = self._class.make()
        self.shape = (self._whole("size", None, MOST_VALUES),)
        self.high = self._highest = self._whole("high", 255, 255)
        if not callable(self._made):
            raise self._class.wrong("the class has no __call__(self, state)")

    def reset(self, state: GameState, screen: Picture) -> None:
        begin = getattr(self._made, "reset", None)
        if begin is not None:
            self._class.call("reset()", begin, state)

    def content(self, state: GameState) -> bytes:
        values = self._class.call("__call__()", self._made, state)
        try:
            content = bytes(list(values))
        except (TypeError, ValueError):
            raise self._wanted(values) from None
        if len(content) != self.shape[0] or max(content, default=0) > self._highest:
            raise self._wanted(values)
        return content

    def snapshot(self) -> Any:
        return self._class.snapshot(self._made)

    def restore(self, snapshot: Any) -> None:
        self._class.restore(self._made, snapshot)

    def _wanted(self, values: Any) -> UserError:
        given = repr(values)
        return self._class.wrong(
            f"__call__() gave {given if len(given) <= 60 else given[:57] + '...'}: it must be"
            f" {self.shape[0]} whole numbers from 0 to {self._highest}"
        )

    def _whole(self, name: str, usual: int | None, most: int) -> int:
        value = getattr(self._made, name, usual)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            found = "missing" if value is None else repr(value)
            raise self._class.wrong(f"{name} is {found}: it must be a whole number from 1 to {most}")
        return value
