"""Reading a part of an observation by the meaning of its fields."""

from __future__ import annotations

from collections.abc import Iterator

from envs.observation_parts.base import Field, FieldsPart
from envs.observation_parts.table import PARTS
from envs.ram import GameState


def fields_of(name: str, state: GameState) -> Iterator[tuple[Field, list[int]]]:
    """Each field of the part with its numbers."""
    kind = PARTS[name]
    assert issubclass(kind, FieldsPart)
    numbers, at = list(kind().content(state)), 0
    for field in kind.fields:
        yield field, numbers[at : at + field.count]
        at += field.count
    assert at == len(numbers)


def read(name: str, state: GameState, meaning: str) -> list[int]:
    """The numbers of the only field whose meaning begins with ``meaning``."""
    (found,) = [numbers for field, numbers in fields_of(name, state) if field.meaning.startswith(meaning)]
    return found


def read_all(name: str, state: GameState, meaning: str) -> list[list[int]]:
    """The numbers of all fields whose meaning begins with ``meaning``, such as those of six slots."""
    return [numbers for field, numbers in fields_of(name, state) if field.meaning.startswith(meaning)]
