"""Output of the parts of the world compiler, which ``build.py`` links.

Each part (``tables.py``, ``art.py``, ``maps.py``, ``scripts.py``) has one function
``compile(world: Path) -> Output``. An Output contains no final addresses or numbers: blobs refer to other
blobs with :class:`FarRef` and to IDs with :class:`IdRef`, and ``build.py`` resolves both at the end. So parts
need not know each other's numbers.

A part's IDs are collected in ``Output.ids`` by full name (``{"SPECIES_MOSSLING": 153}``) and become
``#define`` lines of ``gen/ids.h``. Texts go into ``Output.texts``
(``{"BUG_KID_1_BEFORE": "My net is new!"}``); build.py numbers them and defines ``TEXT_BUG_KID_1_BEFORE``.

Names shared by the parts:

* art defines ``TILESET_OUTDOOR``, ``SPRITE_NURSE`` and, for each map character of a tileset,
  ``METATILE_OUTDOOR_2E`` (its metatile index; 2E is the character's code) and ``ATTRIBUTE_OUTDOOR_2E``
  (TILE_* flags).
* tables defines ``SPECIES_*``, ``MOVE_*``, ``ITEM_*`` and ``TRAINER_*`` (index into far_trainers).
* maps and scripts define ``MAP_*``, ``SCRIPT_*``, ``SHOP_*`` and ``EVENT_*`` (from ``world/events.txt``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

BANK_SIZE = 0x4000
"""Bytes of a switchable ROM bank, which is mapped at 0x4000."""


@dataclass(frozen=True, slots=True)
class FarRef:
    """Three bytes, C's ``Far``: bank and little-endian address of blob ``symbol`` (None: all zeros)."""

    symbol: str | None


@dataclass(frozen=True, slots=True)
class IdRef:
    """``size`` little-endian bytes: the value of ID ``name`` (as in ids.h); errors name ``where``."""

    name: str
    size: int = 1
    where: str = ""


Part = bytes | FarRef | IdRef


@dataclass(frozen=True, slots=True)
class Blob:
    """A const byte array that build.py places in one data bank (5 and up)."""

    symbol: str
    data: bytes | list[Part]

    def parts(self) -> list[Part]:
        """Return the data as a list of parts."""
        return [self.data] if isinstance(self.data, bytes) else self.data

    def size(self) -> int:
        """Return its size in the ROM in bytes."""
        return sum(part_size(part) for part in self.parts())


@dataclass(frozen=True, slots=True)
class Table:
    """``const Far name[]`` in bank 0, one entry per symbol (None: zeros); one ``const Far`` if ``single``."""

    name: str
    symbols: list[str | None]
    single: bool = False


@dataclass(slots=True)
class Output:
    """Everything that one part of the compiler produces."""

    blobs: list[Blob] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """``const uint8_t name = value;`` in bank 0 (n_species, n_moves, n_items)."""
    texts: dict[str, str] = field(default_factory=dict)
    """Name without TEXT_ -> text: '\\n' next line, '\\f' next page, {player} {rival} {buffer} names."""

    def blob(self, symbol: str, data: bytes | list[Part]) -> FarRef:
        """Add a blob and return the reference to it."""
        self.blobs.append(Blob(symbol, data))
        return FarRef(symbol)


def part_size(part: Part) -> int:
    """Return the size of one part of a blob in bytes."""
    if isinstance(part, FarRef):
        return 3
    return part.size if isinstance(part, IdRef) else len(part)


def u16(value: int) -> bytes:
    """Encode a uint16_t: two bytes, little-endian."""
    return value.to_bytes(2, "little")
