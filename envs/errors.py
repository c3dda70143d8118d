"""The one kind of error that a person's input causes."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """Something the user gave is wrong: one clear line naming the thing, its value, and what would be
    right.

    Programs catch this type alone, print ``error: ...`` to stderr and leave with exit status 2.
    """


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that is most like ``name``, whatever its case; None when none is near."""
    by_lower = {known.lower(): known for known in names}
    matches = get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def known(name: str, names: Iterable[str]) -> str:
    """What to say of an unknown ``name``: the nearest of ``names`` if one is near, and all of them.

    >>> known("bage1", ["badge1", "any badge"])
    'did you mean "badge1"? known: badge1, any badge'
    """
    names = list(names)
    near = nearest(name, names)
    hint = f'did you mean "{near}"? ' if near else ""
    return f"{hint}known: {', '.join(names)}"
