"""A cartridge file: read whole, checked against its own header, known by its SHA-1."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from envs.errors import UserError
from envs.files import read_plain
from envs.paths import full_path

EMBEDDED = "embedded"  # as the path of a ROM: the project's own cartridge
ROM_VARIABLE = "POKEMON_RED_ROM"
BANK = 0x4000  # bytes
MAX_BYTES = 2 * BANK << 8  # the largest that a header can speak of: 8 MiB
# Offsets in the header, as every Game Boy cartridge has it (Pan Docs, "The Cartridge Header").
TITLE = slice(0x134, 0x144)
COLOUR = 0x143  # 0x80 runs on both machines, 0xC0 on colour machines only
COLOUR_ONLY = 0xC0
ROM_SIZE = 0x148  # the file has 32 KiB << this
RAM_SIZE = 0x149
RAM_BYTES = {0: 0, 2: 0x2000, 3: 0x8000, 4: 0x20000, 5: 0x10000}
DESTINATION = 0x14A  # 0 Japan, 1 elsewhere
CHECKSUM = 0x14D  # of 0x134..0x14C
# How archives begin: what they are called, and how to unpack one.
ARCHIVES = {
    b"PK\x03\x04": ("a ZIP archive", "unzip"),
    b"\x1f\x8b": ("compressed with gzip", "gunzip --keep"),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", "7z x"),
    b"Rar!": ("a RAR archive", "unrar x"),
}


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
    def colour_only(self) -> bool:
        """Whether the header says that it runs on the Game Boy Color alone."""
        return self.data[COLOUR] & COLOUR_ONLY == COLOUR_ONLY

    @property
    def ram_bytes(self) -> int:
        """The cartridge's own RAM, in bytes; 0 where the header says nothing that is known."""
        return RAM_BYTES.get(self.data[RAM_SIZE], 0)


def rom_path(path: Path | str) -> Path:
    """Return the absolute path of a ROM, see ``envs.paths.full_path``. Raises UserError."""
    return full_path(path, what="ROM")


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


def _refuse_archive(path: Path, data: bytes) -> None:
    for beginning, (kind, unpack) in ARCHIVES.items():
        if data.startswith(beginning):
            raise UserError(
                f"ROM {path}: {kind}, not a cartridge; unpack it ({unpack} {shlex.quote(str(path))})"
                " and give the .gb file that comes out"
            )


def _refuse_wrong_size(path: Path, data: bytes) -> None:
    expected = 2 * BANK << min(data[ROM_SIZE], 8)
    if len(data) < expected:
        raise UserError(
            f"ROM {path}: {len(data)} bytes, but its header says {expected}; the file is incomplete"
        )
    if len(data) > expected:
        raise UserError(
            f"ROM {path}: {len(data)} bytes, but its header says {expected}; the file has"
            f" {len(data) - expected} bytes too many; it was joined to something else"
        )


def read_rom(path: Path | str) -> Rom:
    """The cartridge at ``path``.

    Raises UserError when the file cannot be read, is an archive, is no Game Boy cartridge (header checksum),
    or is shorter or longer than its header says.
    """
    path = rom_path(path)
    data = _read_bytes(path)
    _refuse_archive(path, data)
    if len(data) < 2 * BANK:
        raise UserError(f"ROM {path}: {len(data)} bytes; a Game Boy cartridge has at least {2 * BANK}")
    if data[CHECKSUM] != _checksum(data):
        raise UserError(
            f"ROM {path}: header checksum is 0x{data[CHECKSUM]:02X}, its bytes give 0x{_checksum(data):02X}; "
            "this is no Game Boy cartridge or a damaged one"
        )
    _refuse_wrong_size(path, data)
    return Rom(path, data, _title(data), hashlib.sha1(data, usedforsecurity=False).hexdigest())


def _title(data: bytes) -> str:
    """The title in the header; cartridges that know of colour have a flag in its last byte."""
    title = data[TITLE] if data[COLOUR] < 0x80 else data[TITLE][:-1]
    return title.split(b"\0")[0].decode("ascii", "replace")
