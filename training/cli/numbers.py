"""Whole numbers as people write them on a command line: 1e6, 2.5e5, 300k, 1M."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, get_args, get_type_hints

NUMBER = re.compile(r"(\d+(?:\.\d+)?)(?:[eE]\+?(\d{1,2})|([kKmMgG]))")
ZEROS = {"k": 3, "m": 6, "g": 9}


def plain_number(text: str) -> str:
    """Return a whole number in digits, and any other text as it is.

    >>> plain_number("300k"), plain_number("2.5e5"), plain_number("1.5"), plain_number("0.0001k")
    ('300000', '250000', '1.5', '0.0001k')
    """
    found = NUMBER.fullmatch(text)
    if found is None:
        return text
    digits, exponent, letter = found.groups()
    value = Decimal(digits).scaleb(int(exponent) if exponent else ZEROS[letter.lower()])
    return f"{value:f}".split(".")[0] if value == value.to_integral_value() else text


def with_plain_numbers(args: Sequence[str], flags: type[Any]) -> list[str]:
    """Return ``args`` with the values of all flags that take a whole number written in digits."""
    hints = get_type_hints(flags)
    whole = {name for name, hint in hints.items() if int in (hint, *get_args(hint))}
    written, before = [], ""
    for word in args:
        flag, equals, value = word.partition("=")
        if equals and _name(flag) in whole:
            word = f"{flag}={plain_number(value)}"
        elif _name(before) in whole:
            word = plain_number(word)
        written.append(word)
        before = word
    return written


def _name(flag: str) -> str:
    return flag.removeprefix("--").replace("-", "_") if flag.startswith("--") else ""
