"""Cells: the place and the progress of a moment as one number, to count visits by."""

from __future__ import annotations

from hashlib import blake2b

from envs.ram import EVENT_BYTES, MUSEUM_TICKET, GameState

NO_CELL = 0
"""Number of a moment that belongs to no cell."""
BITS = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
"""2 ** 64 divided by the golden ratio, made odd: multiplication spreads neighbouring tiles over all 64 bits
and keeps them apart (Knuth, The Art of Computer Programming, volume 3, section 6.4)."""
_NO_TICKET = bytes(255 ^ (n == MUSEUM_TICKET >> 3) << (MUSEUM_TICKET & 7) for n in range(EVENT_BYTES))


def events_digest(event_bytes: bytes) -> int:
    """Return 64 bits of BLAKE2b of the event flags. Unlike ``hash()``, it is the same in every process.

    The museum ticket is left out, since it can be bought repeatedly.
    """
    flags = bytes(a & b for a, b in zip(event_bytes, _NO_TICKET, strict=True))
    return int.from_bytes(blake2b(flags, digest_size=8).digest(), "little")


class CellNumbers:
    """Numbers of the cells (map, tile, events) of one environment's moments."""

    def __init__(self) -> None:
        self._events, self._digest = b"", 0  # the last events and their digest: they rarely change

    def __call__(self, before: GameState, now: GameState) -> int:
        """Return the cell of ``now``, 1 to 2 ** 64 - 1, or NO_CELL in a step that changes map or events.

        The game does not write the map and the coordinates at the same time, and events are transient while a
        map loads.
        """
        if before.map_id != now.map_id or before.event_bytes != now.event_bytes:
            return NO_CELL
        if now.event_bytes != self._events:
            self._events, self._digest = now.event_bytes, events_digest(now.event_bytes)
        place = now.map_id << 16 | now.y << 8 | now.x
        return (self._digest ^ place * GOLDEN & BITS) or 1
