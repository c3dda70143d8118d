"""Buttons of a person whose keys are down, for games that go on in actions."""

from __future__ import annotations


class HeldButtons:
    """The buttons that are held, and the one that was pressed last since it was asked for.

    A key that is pressed and released between two questions is thus not lost.
    """

    def __init__(self) -> None:
        self._held: dict[str, None] = {}  # in the order they were pressed
        self._tapped: str | None = None

    def follow(self, button: str, down: bool) -> None:
        """Take in that the key of ``button`` was pressed (``down``) or released."""
        self._held.pop(button, None)
        if down:
            self._held[button] = None
            self._tapped = button

    def take(self) -> str | None:
        """Return the button that was pressed last since the last call, or is still held, or None."""
        found = self._tapped or next(reversed(self._held), None)
        self._tapped = None
        return found

    def clear(self) -> None:
        """Release every button."""
        self._held.clear()
        self._tapped = None
