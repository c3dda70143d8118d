"""The one kind of error that a person's input causes."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """Something the user gave is wrong: one clear line naming the thing, its value, and what would be
    right.

    Programs catch this type alone, print ``error: ...`` to stderr and leave with exit status 2.
    """


def known(name: str, names: Iterable[str]) -> str:
    """What to say of an unknown ``name``: the nearest of ``names`` if one is near, and all of them."""
    names = list(names)
    near = get_close_matches(name, names, 1)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    return f"{hint}known: {', '.join(names)}"
