"""Files that are whole or not there, and what is packed."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.files import inflate


@given(st.binary(max_size=2000))
def test_what_was_packed_is_unpacked(data: bytes) -> None:
    assert inflate(zlib.compress(data), 2000) == data
    assert inflate(memoryview(zlib.compress(data)), 2000) == data


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (b"no such thing", "cannot be unpacked (Error -3"),
        (zlib.compress(bytes(1000))[:-5], "incomplete"),
        (zlib.compress(bytes(10**7)), "more than 1000 bytes"),
        (b"", "incomplete"),
    ],
)
def test_what_is_damaged_or_too_large_is_refused(packed: bytes, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        inflate(packed, 1000)
    assert why in str(caught.value)
