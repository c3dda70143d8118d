"""Scaling, flags and layouts that the parts share."""

from __future__ import annotations

import random

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st

from envs.observation_parts.base import FieldsPart, one_hot, scaled_log, status_flags
from envs.observation_parts.table import PARTS
from envs.ram import GameState, read_state


@given(st.integers(0, 2_000_000), st.integers(1, 1_000_000))
def test_a_logarithm_is_always_a_byte(amount: int, most: int) -> None:
    assert 0 <= scaled_log(amount, most) <= 255
    assert scaled_log(most, most) == 255 and scaled_log(0, most) == 0


def test_a_logarithm_tells_one_from_none() -> None:
    assert [scaled_log(number, 99) for number in (0, 1, 3, 99, 150)] == [0, 38, 77, 255, 255]


def test_one_flag_of_many_is_set() -> None:
    assert one_hot(2, 4) == (0, 0, 1, 0)
    assert one_hot(-1, 3) == one_hot(3, 3) == (0, 0, 0)


@pytest.mark.parametrize(
    ("status", "flags"),
    [(0, (0, 0, 0, 0, 0)), (5, (1, 0, 0, 0, 0)), (0x08, (0, 1, 0, 0, 0)), (0x10, (0, 0, 1, 0, 0)),
     (0x20, (0, 0, 0, 1, 0)), (0x40, (0, 0, 0, 0, 1)), (0x48, (0, 1, 0, 0, 1))],
)  # fmt: skip
def test_status_bits_become_flags(status: int, flags: tuple[int, ...]) -> None:
    assert status_flags(status) == flags


FIELD_PARTS = {name: kind for name, kind in PARTS.items() if issubclass(kind, FieldsPart)}


@pytest.mark.parametrize("name", FIELD_PARTS)
def test_fields_give_the_shape_and_ids_come_first(name: str) -> None:
    kind = FIELD_PARTS[name]
    assert kind.shape == (sum(field.count for field in kind.fields),)
    assert [bool(field.ids) for field in kind.fields] == sorted(bool(f.ids) for f in kind.fields)[::-1]
    assert len(kind.ids) == sum(field.count for field in kind.fields if field.ids)
    box = kind().space()
    assert isinstance(box, spaces.Box)
    assert box.high.tolist() == list(kind.high)  # type: ignore[call-overload]


@pytest.mark.parametrize("name", FIELD_PARTS)
def test_numbers_stay_within_their_maxima_whatever_memory_holds(name: str) -> None:
    for seed in range(200):
        state = read_state(random.Random(seed).randbytes(0x10000))
        part = FIELD_PARTS[name]()
        assert part.space().contains(np.frombuffer(part.content(state), np.uint8)), seed


@pytest.mark.parametrize("name", FIELD_PARTS)
def test_a_cached_part_equals_a_fresh_one(name: str) -> None:
    """Its key has to change with everything that its numbers depend on."""
    kept, generator = FIELD_PARTS[name](), random.Random(7)
    image = bytearray(0x10000)
    image[0xD163] = 2
    for _ in range(3000):
        image[generator.choice(ADDRESSES)] = generator.choice(
            (0, 1, 2, 5, 0xED, 0xFF, generator.randrange(256))
        )
        state = read_state(bytes(image))
        assert kept.content(state) == FIELD_PARTS[name]().content(state)


ADDRESSES = [
    *range(0xC3A0, 0xC3A0 + 360, 7), 0xCC2F, *range(0xCFE5, 0xCFF6), *range(0xD014, 0xD026), 0xD057, 0xD05A,
    0xD163, *range(0xD16B, 0xD16B + 88), *range(0xD31D, 0xD32A), 0xD347, 0xD356, 0xD35E, 0xD361, 0xD362,
    0xD368, 0xD369, 0xD700, 0xD719, *range(0xD747, 0xD887, 5), 0xFF4A,
]  # fmt: skip


def test_an_empty_state_has_numbers_too() -> None:
    assert all(len(kind().content(GameState())) == kind.shape[0] for kind in FIELD_PARTS.values())
