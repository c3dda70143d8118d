"""What the parts of the world compiler hand to ``build.py``.

Each part (``tables.py``, ``art.py``, ``maps.py``, ``scripts.py``) has one function ``compile(world: Path) ->
Output``.
Nothing in an Output is a final address or number: blobs name other blobs with :class:`FarRef` and ids with
:class:`IdRef`, and ``build.py`` resolves both once everything is known. So parts never import each other.

A part's ids are collected in ``Output.ids`` with their full name (``{"SPECIES_MOSSLING": 153}``) and become
``#define`` lines of ``gen/ids.h``. Texts that any part wants said go into ``Output.texts``
(``{"BUG_KID_1_BEFORE":
"My net is new!"}``): build.py numbers them and defines ``TEXT_BUG_KID_1_BEFORE``.

Names the parts agree on: art gives ``TILESET_OUTDOOR``, ``SPRITE_NURSE`` and, for each map character of a
tileset,
``METATILE_OUTDOOR_2E`` (its metatile index; 2E is the character's code) and ``ATTRIBUTE_OUTDOOR_2E`` (TILE_*
flags);
tables give ``SPECIES_*``, ``MOVE_*``, ``ITEM_*`` and ``TRAINER_*`` (index into far_trainers); maps and
scripts give
``MAP_*``, ``SCRIPT_*``, ``SHOP_*`` and ``EVENT_*`` (from ``world/events.txt``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

BANK_SIZE = 0x4000
"""Bytes of one switchable ROM bank, which the processor sees at 0x4000."""


@dataclass(frozen=True, slots=True)
class FarRef:
    """Three bytes of a blob, C's ``Far``: bank and little-endian address of blob ``symbol`` (None: all
    zeros)."""

    symbol: str | None


@dataclass(frozen=True, slots=True)
class IdRef:
    """``size`` little-endian bytes of a blob: the value of id ``name`` (as in ids.h); ``where`` is told in
    an error."""

    name: str
    size: int = 1
    where: str = ""


Part = bytes | FarRef | IdRef


@dataclass(frozen=True, slots=True)
class Blob:
    """One const byte array that build.py places whole into some data bank (5 and up)."""

    symbol: str
    data: bytes | list[Part]

    def parts(self) -> list[Part]:
        """The data as a list, whichever way it was given."""
        return [self.data] if isinstance(self.data, bytes) else self.data

    def size(self) -> int:
        """Bytes it takes in the ROM."""
        return sum(part_size(part) for part in self.parts())


@dataclass(frozen=True, slots=True)
class Table:
    """``const Far name[]`` in bank 0, one entry per blob symbol (None: zeros); ``single`` makes it a plain
    ``const Far``."""

    name: str
    symbols: list[str | None]
    single: bool = False


@dataclass(slots=True)
class Output:
    """Everything one part of the compiler has made."""

    blobs: list[Blob] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """``const uint8_t name = value;`` in bank 0 (n_species, n_moves, n_items)."""
    texts: dict[str, str] = field(default_factory=dict)
    """Name without TEXT_ -> text: '\\n' next line, '\\f' next page, {player} {rival} {buffer} insert
    names."""

    def blob(self, symbol: str, data: bytes | list[Part]) -> FarRef:
        """Add a blob and return the reference to it."""
        self.blobs.append(Blob(symbol, data))
        return FarRef(symbol)


def part_size(part: Part) -> int:
    """Bytes of one part of a blob."""
    if isinstance(part, FarRef):
        return 3
    return part.size if isinstance(part, IdRef) else len(part)


def u16(value: int) -> bytes:
    """Two bytes as the processor (and C) keeps a uint16_t: little-endian."""
    return value.to_bytes(2, "little")
