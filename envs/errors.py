"""The errors that programs print as one message, and hints for unknown names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """Invalid user input. The message is one line with the thing, its value, and what would be right.

    Programs print it as ``error: ...`` to stderr and exit with status 2.
    """


class ProgramError(RuntimeError):
    """A failure that is not the user's: of a process, of the machine, of an environment.

    Programs print it as ``error: ...`` to stderr and exit with status 1.
    """


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the closest match for ``name`` in ``names``, ignoring case, or None."""
    by_lower = {known.lower(): known for known in names}
    matches = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def known(name: str, names: Iterable[str]) -> str:
    """Return a hint for an unknown ``name``: the closest of ``names``, if any, and all names.

    >>> known("bage1", ["badge1", "any badge"])
    'did you mean "badge1"? known: badge1, any badge'
    """
    names = list(names)
    near = nearest(name, names)
    hint = f'did you mean "{near}"? ' if near else ""
    return f"{hint}known: {', '.join(names)}"
