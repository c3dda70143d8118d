"""A cartridge file: read whole, checked against its own header, known by its SHA-1."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from envs.errors import UserError
from envs.files import read_plain

EMBEDDED = "embedded"  # as the path of a ROM: the project's own cartridge
ROM_VARIABLE = "POKEMON_RED_ROM"
BANK = 0x4000  # bytes
MAX_BYTES = 2 * BANK << 8  # the largest that a header can speak of: 8 MiB
# Offsets in the header, as every Game Boy cartridge has it (Pan Docs, "The Cartridge Header").
TITLE = slice(0x134, 0x144)
ROM_SIZE = 0x148  # the file has 32 KiB << this
RAM_SIZE = 0x149
RAM_BYTES = {0: 0, 2: 0x2000, 3: 0x8000, 4: 0x20000, 5: 0x10000}
DESTINATION = 0x14A  # 0 Japan, 1 elsewhere
CHECKSUM = 0x14D  # of 0x134..0x14C


@dataclass(frozen=True, slots=True)
class Rom:
    """A readable Game Boy cartridge: its path, its bytes, the title of its header and its SHA-1 in
    hexadecimal.
    """

    path: Path
    data: bytes
    title: str
    sha1: str

    @property
    def destination(self) -> int:
        """The header's destination code: 0 for Japan, 1 for elsewhere."""
        return self.data[DESTINATION]

    @property
    def ram_bytes(self) -> int:
        """The cartridge's own RAM, in bytes; 0 where the header says nothing that is known."""
        return RAM_BYTES.get(self.data[RAM_SIZE], 0)


def _checksum(data: bytes) -> int:
    value = 0
    for byte in data[0x134:CHECKSUM]:
        value = (value - byte - 1) & 0xFF
    return value


def _read_bytes(path: Path) -> bytes:
    try:
        return read_plain(path, MAX_BYTES)
    except OSError as error:
        raise UserError(
            f"ROM {path}: cannot be read ({error.strerror}); give the path of a Game Boy cartridge"
        ) from error


def read_rom(path: Path | str) -> Rom:
    """The cartridge at ``path``.

    Raises UserError when the file cannot be read, is no Game Boy cartridge (header checksum) or is shorter
    or longer than its header says.
    """
    path = Path(path).expanduser()
    data = _read_bytes(path)
    if len(data) < 2 * BANK:
        raise UserError(f"ROM {path}: {len(data)} bytes; a Game Boy cartridge has at least {2 * BANK}")
    if data[CHECKSUM] != _checksum(data):
        raise UserError(
            f"ROM {path}: header checksum is 0x{data[CHECKSUM]:02X}, its bytes give 0x{_checksum(data):02X}; "
            "this is no Game Boy cartridge or a damaged one"
        )
    expected = 2 * BANK << min(data[ROM_SIZE], 8)
    if len(data) != expected:
        raise UserError(
            f"ROM {path}: {len(data)} bytes, but its header says {expected}; the file is incomplete"
        )
    title = data[TITLE].split(b"\0")[0].decode("ascii", "replace")
    return Rom(path, data, title, hashlib.sha1(data, usedforsecurity=False).hexdigest())
