"""The table of counts against a dictionary, when it is full, and from a checkpoint."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.tree_codec import pack, unpack
from training.learned_rewards.count_table import CountTable

Batches = list[list[int]]
NUMBERS = st.integers(1, 40).map(lambda n: n * 0x0F0F_1234_5678_9ABD % 2**64)
BATCHES = st.lists(st.lists(NUMBERS, max_size=20), max_size=8)


def numbers(batch: list[int]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    return np.array(batch, np.uint64)


@settings(deadline=None)  # a busy machine is no mistake
@given(BATCHES)
def test_it_counts_as_a_dictionary_does(batches: Batches) -> None:
    table, wanted = CountTable(1000), Counter[int]()
    for batch in batches:
        new = table.add(numbers(batch))
        assert new == len(set(batch) - wanted.keys())
        wanted.update(batch)
        assert len(table) == len(wanted)
    asked = [n * 0x0F0F_1234_5678_9ABD % 2**64 for n in range(1, 50)]
    assert table.counts(numbers(asked)).tolist() == [wanted[cell] for cell in asked]


@settings(deadline=None)  # a busy machine is no mistake
@given(BATCHES)
def test_it_never_grows_beyond_its_capacity(batches: Batches) -> None:
    table = CountTable(16)
    for batch in batches:
        table.add(numbers(batch))
        assert len(table) <= 16


def test_a_full_table_forgets_what_was_visited_longest_ago() -> None:
    table = CountTable(16)
    for cell in range(1, 17):
        table.add(numbers([cell]))
    table.add(numbers([3, 3]))
    table.add(numbers([100]))  # one too many: 12 stay
    assert table.forgotten == 5
    known = {cell for cell in (*range(1, 17), 100) if table.counts(numbers([cell]))[0]}
    assert known == {3, *range(7, 17), 100}
    assert table.counts(numbers([3, 1])).tolist() == [3, 0]


def test_counts_go_on_beyond_single_precision() -> None:
    table = CountTable(16)
    table.restore(
        {
            "cells": numbers([7]),
            "counts": np.array([2**24]),
            "last": np.array([1]),
            "additions": 1,
            "forgotten": 0,
        }
    )
    table.add(numbers([7]))
    assert table.counts(numbers([7])).tolist() == [2**24 + 1]


@settings(deadline=None)  # a busy machine is no mistake
@given(BATCHES, BATCHES)
def test_it_goes_on_from_a_checkpoint(before: Batches, after: Batches) -> None:
    one, other = CountTable(20), CountTable(20)
    for batch in before:
        one.add(numbers(batch))
    plain, arrays = pack(one.state())
    other.restore(unpack(json.loads(json.dumps(plain)), arrays))
    for batch in after:
        assert one.add(numbers(batch)) == other.add(numbers(batch))
    assert pack(one.state())[0] == pack(other.state())[0]
    assert all((one.state()[name] == other.state()[name]).all() for name in ("cells", "counts", "last"))


def test_a_smaller_table_forgets_when_it_is_restored() -> None:
    one, other = CountTable(100), CountTable(16)
    one.add(numbers(list(range(1, 50))))
    other.restore(one.state())
    assert len(other) == 12


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("cells", np.array([5, 4], np.uint64), "not sorted"),
        ("cells", np.array([4, 5], np.int64), "must be an array of uint64"),
        ("counts", np.array([1.0, 2.0]), "must be an array of int64"),
        ("last", np.array([1]), "1 last visits"),
        ("cells", [4, 5], "must be an array of uint64"),
    ],
)
def test_damaged_tables_are_refused(name: str, value: Any, said: str) -> None:
    table = CountTable(20)
    table.add(numbers([4, 5]))
    with pytest.raises(ValueError, match=said):
        table.restore({**table.state(), name: value})
    assert table.counts(numbers([4, 5])).tolist() == [1, 1]
