"""Hints for unknown names."""

from __future__ import annotations

import pytest

from envs.errors import known, nearest

NAMES = ["gamma", "seed", "any badge", "README.md"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gama", "gamma"),
        ("GAMMA", "gamma"),
        ("readme.md", "README.md"),
        ("any bage", "any badge"),
        ("zzz", None),
    ],
)
def test_the_closest_name_is_found_ignoring_case(name: str, near: str | None) -> None:
    assert nearest(name, NAMES) == near


def test_nothing_is_close_without_names() -> None:
    assert nearest("gamma", []) is None


def test_an_unknown_name_lists_all_known_ones() -> None:
    assert known("sed", iter(NAMES)) == 'did you mean "seed"? known: gamma, seed, any badge, README.md'
    assert known("zzz", NAMES) == "known: gamma, seed, any badge, README.md"
