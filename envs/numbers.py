"""Numbers as the game writes them: several bytes, decimal digits in nibbles, flags in bits."""

from __future__ import annotations

from collections.abc import Sequence


def big_endian(data: Sequence[int]) -> int:
    """The unsigned number in ``data``, most significant byte first."""
    return int.from_bytes(bytes(data), "big")


def bcd(data: Sequence[int]) -> int:
    """The number in binary coded decimal ``data``, most significant first; a nibble above 9 reads as 9."""
    value = 0
    for byte in data:
        value = value * 100 + min(byte >> 4, 9) * 10 + min(byte & 15, 9)
    return value


def bit(data: Sequence[int], n: int) -> bool:
    """Flag ``n``: bit n mod 8, least significant first, of byte n div 8. IndexError when out of range."""
    if n < 0:
        raise IndexError(f"flag {n} is below 0")
    return bool(data[n >> 3] >> (n & 7) & 1)


def count_bits(data: Sequence[int]) -> int:
    """How many bits of ``data`` are set."""
    return int.from_bytes(bytes(data), "big").bit_count()
