"""Check of the linked cartridge: ``python3 -m envs.cartridge.tools.check_rom``.

Run it from the project root, after linking (standard library only). It checks that areas fit their banks,
that C variables stay below 0xCC00 and that the header is right, and prints the use of every bank.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from envs.cartridge.tools.emit import BANK_SIZE
from envs.errors import UserError

BUILD = Path(__file__).resolve().parent.parent / "build"
DATA_END = 0xCC00
"""End of the C variables; the values at fixed addresses begin after it (src/ram.h)."""
HOME_START = 0x200
CARTRIDGE_TYPE = 0x13
"""MBC3 with RAM and battery."""
RAM_SIZE = 0x03
"""32 KiB."""
AREA = re.compile(r"^(_\w+)\s+([0-9A-F]{8})\s+([0-9A-F]{8})\s+=", re.MULTILINE)


def main() -> int:
    """Check the cartridge; on an error, print one line and return 2."""
    try:
        areas = read_areas((BUILD / "clover.map").read_text("latin-1"))
        check_areas(areas)
        check_header((BUILD / "clover.gb").read_bytes())
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(report(areas))
    return 0


def read_areas(text: str) -> dict[str, tuple[int, int]]:
    """Read the linker areas of a map file: name -> (address with the bank above bit 15, size in bytes)."""
    found = ((name, int(start, 16), int(size, 16)) for name, start, size in AREA.findall(text))
    return {name: (start, size) for name, start, size in found if size}


def check_areas(areas: dict[str, tuple[int, int]]) -> None:
    """Raise UserError for code or data that reaches beyond its bank or its part of work RAM."""
    for name, (start, size) in areas.items():
        if name.startswith(("_HEADER", ".")):
            continue
        end = (start & 0xFFFF) + size
        limit = limit_of(name, start)
        if end > limit:
            raise UserError(f"area {name} ends at {end:#06x}, {end - limit} bytes beyond {limit:#06x}")


def limit_of(name: str, start: int) -> int:
    """Return the first address beyond an area's limit."""
    if start >= 0x10000:
        return 2 * BANK_SIZE
    return BANK_SIZE if start < 2 * BANK_SIZE else DATA_END


def check_header(rom: bytes) -> None:
    """Raises UserError unless the header says what an emulator and the harness rely on."""
    checksum = 0
    for byte in rom[0x134:0x14D]:
        checksum = (checksum - byte - 1) & 0xFF
    total = (sum(rom) - rom[0x14E] - rom[0x14F]) & 0xFFFF
    facts = {
        "title": (rom[0x134:0x13A], b"CLOVER"),
        "logo": (rom[0x104:0x134], bytes(0x30)),
        "cartridge type": (rom[0x147], CARTRIDGE_TYPE),
        "RAM size": (rom[0x149], RAM_SIZE),
        "size": (32768 << rom[0x148], len(rom)),
        "header checksum": (rom[0x14D], checksum),
        "checksum": (int.from_bytes(rom[0x14E:0x150], "big"), total),
    }
    for name, (found, right) in facts.items():
        if found != right:
            raise UserError(f"header of clover.gb: {name} is {found!r}, should be {right!r}")


def report(areas: dict[str, tuple[int, int]]) -> str:
    """Return the bytes used of every bank and of work RAM, as text."""
    used: dict[str, int] = {}
    for name, (start, size) in areas.items():
        if start >= 0x10000:
            key = f"bank {start >> 16}"
        elif start < BANK_SIZE:
            key = "bank 0"
        else:
            key = "variables" if start >= 0xC508 else ""
        if key and not name.startswith("."):
            used[key] = used.get(key, HOME_START if key == "bank 0" else 0) + size
    return ", ".join(f"{name}: {size}" for name, size in used.items())


if __name__ == "__main__":
    sys.exit(main())
